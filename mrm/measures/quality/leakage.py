"""What the data should not know: a column that gives the outcome away, an outcome that means something else now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from mrm.measures.checks import Labels, Scores, binary, column, same_length
from mrm.measures.discrimination import auc
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import newcombe, normal_quantile, two_proportions, wilson


def single_column_auc(columns: Mapping[str, ArrayLike], labels: ArrayLike) -> dict[str, Estimate | None]:
    """AUC of each numeric column alone, turned to above 1/2, highest first; near 1 it may hold the outcome itself.

    Missing values rank as one value below all others, so that a value that exists only after the
    event shows. None for a constant column. DeLong interval; `detail["turned"]` if lower values
    mean more events. Raises ValueError unless both outcomes occur.
    """
    y = binary(labels)
    found: dict[str, Estimate | None] = {}
    for name, values in columns.items():
        array = column(values, name)
        same_length(label=y, column=array)
        known = array[~np.isnan(array)]
        filled = np.where(np.isnan(array), (known.min() - 1) if known.size else 0.0, array)
        found[name] = _turned(y, filled) if np.ptp(filled) > 0 else None
    return dict(sorted(found.items(), key=lambda pair: -pair[1].value if pair[1] else 0.0))


def definition_change(before: ArrayLike, after: ArrayLike) -> tuple[Estimate, Estimate]:
    """One set of rows under an old and a new definition of the event: share that changes, and Cohen's kappa.

    Kappa is agreement beyond chance (Cohen 1960, Educ. Psychol. Meas. 20:37), 1 if the definitions
    agree; its interval is normal (Fleiss, Cohen and Everitt 1969, Psychol. Bull. 72:323). Raises
    ValueError if both definitions find one outcome only.
    """
    one, two = binary(before, "old label"), binary(after, "new label")
    n = same_length(before=one, after=two)
    changed = int((one != two).sum())
    share = Estimate(changed / n, *wilson(changed, n), "share of rows; Wilson interval", n)
    cells = np.bincount(2 * one + two, minlength=4).reshape(2, 2) / n
    first, second = cells.sum(axis=1), cells.sum(axis=0)
    chance = float((first * second).sum())
    if chance >= 1:
        raise ValueError("Both definitions find one outcome only; there is nothing to agree on.")
    kappa = (1 - changed / n - chance) / (1 - chance)
    weight = np.add.outer(second, first) * (1 - kappa)
    on = ((np.diag(cells)) * (1 - np.diag(weight)) ** 2).sum()
    off = (1 - kappa) ** 2 * (cells * np.add.outer(second, first) ** 2)[~np.eye(2, dtype=bool)].sum()
    error = float(np.sqrt(max(0.0, on + off - (kappa - chance * (1 - kappa)) ** 2) / n) / (1 - chance))
    half = normal_quantile() * error
    return share, Estimate(kappa, max(-1.0, kappa - half), min(1.0, kappa + half), "Cohen's kappa; normal interval", n)


def base_rate_change(reference: tuple[int, int], current: tuple[int, int]) -> tuple[Estimate, HypothesisTest]:
    """Event rate now less that of the reference, each as (events, rows): Newcombe interval and two-sided test.

    A jump without a shift of the population hints at another definition of the event.
    """
    for events, n in (reference, current):
        if not 0 <= events <= n or n == 0:
            raise ValueError(
                f"{events:,} events of {n:,} rows are impossible; give at least one row and events among them."
            )
    value = current[0] / current[1] - reference[0] / reference[1]
    low, high = newcombe(current, reference)
    found = two_proportions(current, reference)
    null = "The event rate is that of the reference."
    test = HypothesisTest("Base rate", found.statistic, found.p, current[1], null, f"{found.test}, two-sided")
    return Estimate(value, low, high, "difference of event rates; Newcombe interval", current[1]), test


def _turned(labels: Labels, values: Scores) -> Estimate:
    found = auc(labels, values)
    if found.value >= 0.5:
        return found
    return replace(auc(labels, -values), detail={"turned": True})
