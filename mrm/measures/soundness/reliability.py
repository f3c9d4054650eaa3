"""Prediction sets with promised coverage: split conformal prediction, and whether the promise is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import Scores, binary, finite, same_length, within
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import wilson


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of rows whose nonconformity is within the threshold, and the test that it is as promised."""

    share: Estimate
    test: HypothesisTest


def threshold(nonconformity: ArrayLike, level: float = 0.9) -> float:
    """The nonconformity that a new row stays within with probability `level`: the ceil((n + 1) level)-th smallest.

    Vovk, Gammerman and Shafer (2005, Algorithmic Learning in a Random World). On rows the model has
    not seen. Raises ValueError if the rows are too few for the level.
    """
    scores = np.sort(finite(nonconformity, "nonconformity"))
    if not 0 < level < 1:
        raise ValueError(f"The level is {level:g}; give one between 0 and 1.")
    place = ceil((scores.size + 1) * level)
    if place > scores.size:
        raise ValueError(f"{scores.size} rows are too few for a coverage of {level:.0%}; add rows or lower the level.")
    return float(scores[place - 1])


def of_probabilities(labels: ArrayLike, scores: ArrayLike) -> Scores:
    """Nonconformity of a binary outcome: 1 less the probability given to what happened; shapes (n,)."""
    y, p = binary(labels), within(scores, "score", 0, 1)
    same_length(label=y, score=p)
    return np.asarray(np.where(y == 1, 1 - p, p))


def set_sizes(scores: ArrayLike, limit: float) -> dict[int, Estimate]:
    """Share of rows whose prediction set holds 0, 1 or 2 outcomes at the threshold `limit`; two is "cannot tell"."""
    p = within(scores, "score", 0, 1)
    sizes = (1 - p <= limit).astype(int) + (p <= limit).astype(int)
    n = same_length(score=p)
    counted = np.bincount(sizes, minlength=3).tolist()
    return {
        size: Estimate(rows / n, *wilson(rows, n), "share of rows; Wilson interval", n)
        for size, rows in enumerate(counted)
    }


def coverage(nonconformity: ArrayLike, limit: float, level: float = 0.9) -> Coverage:
    """How often test rows stay within the threshold, against the promised `level`; exact one-sided test of too few."""
    scores = finite(nonconformity, "nonconformity")
    n, inside = same_length(nonconformity=scores), int((scores <= limit).sum())
    share = Estimate(inside / n, *wilson(inside, n), "share within the threshold; Wilson interval", n)
    p = float(stats.binom.cdf(inside, n, level))
    null = f"At least {level:.0%} of rows lie within the threshold."
    return Coverage(share, HypothesisTest("Coverage", inside / n, p, n, null, "exact binomial, one-sided"))


def coverage_by_group(
    nonconformity: ArrayLike, groups: Sequence[str], limit: float, level: float = 0.9
) -> Mapping[str, Coverage]:
    """Coverage within each group; a promise kept on average may be broken for some."""
    scores, names = finite(nonconformity, "nonconformity"), np.asarray(groups, dtype=str)
    same_length(nonconformity=scores, group=names)
    return {str(name): coverage(scores[names == name], limit, level) for name in np.unique(names)}
