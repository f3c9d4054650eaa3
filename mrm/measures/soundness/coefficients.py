"""A logistic model's coefficients against what business expects of them, and weight of evidence that should rise or fall."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from mrm.measures.checks import binary, both_classes, matrix, same_length
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import normal_quantile, two_proportions

STEPS = 50


@dataclass(frozen=True, slots=True)
class Coefficient:
    """One column's coefficient on the logit, its two-sided p-value, and whether the sign contradicts what is expected."""

    name: str
    estimate: Estimate
    p: float
    contradicts: bool


@dataclass(frozen=True, slots=True)
class EvidenceOrder:
    """Whether event rates move one way over ordered bins: breaks against the direction, each with its p-value."""

    direction: str
    breaks: Estimate
    p_values: tuple[float, ...]


def logistic_coefficients(
    columns: Mapping[str, ArrayLike], labels: ArrayLike, expected: Mapping[str, int] | None = None
) -> tuple[Coefficient, ...]:
    """Maximum likelihood coefficients with intercept, Wald intervals and p-values (McCullagh and Nelder 1989, chapter 4).

    `expected` maps a column to 1 or -1. Raises ValueError on collinear columns, and if the columns
    separate the outcomes so that no fit settles.
    """
    names, x = matrix(columns)
    y = binary(labels)
    n = same_length(label=y, columns=x)
    both_classes(y)
    wanted = expected or {}
    odd = [name for name, sign in wanted.items() if name not in names or sign not in (-1, 1)]
    if odd:
        raise ValueError(
            f"The expected signs of {', '.join(odd)} fit no column; give 1 or -1 for columns of the model."
        )
    beta, error = _fit(np.column_stack([np.ones(n), x]), y, names)
    half = normal_quantile() * error
    return tuple(
        Coefficient(
            name,
            Estimate(float(beta[i]), float(beta[i] - half[i]), float(beta[i] + half[i]), "logistic; Wald interval", n),
            float(2 * stats.norm.sf(abs(beta[i] / error[i]))),
            name in wanted and bool(np.sign(beta[i]) == -wanted[name]),
        )
        for i, name in enumerate(names, start=1)
    )


def evidence_order(goods: Sequence[int], bads: Sequence[int]) -> EvidenceOrder:
    """Breaks of the weight of evidence over bins in order, against the direction that most rows follow.

    The direction is the sign of the rank correlation of bin and event. Raises ValueError on bins of
    different number, empty bins, or one outcome only.
    """
    if len(goods) != len(bads) or len(goods) < 2:
        raise ValueError("The order of evidence needs goods and bads of two bins or more; give both for each bin.")
    rows = [good + bad for good, bad in zip(goods, bads, strict=True)]
    if min(rows) == 0 or sum(goods) == 0 or sum(bads) == 0:
        raise ValueError("A bin is empty, or one outcome is missing; join bins until each holds rows.")
    labels = np.repeat(np.tile([0, 1], len(rows)), np.ravel(list(zip(goods, bads, strict=True))))
    place = np.repeat(np.arange(len(rows)), rows)
    rising = stats.spearmanr(place, labels).statistic >= 0
    pairs = list(zip(bads, rows, strict=True))
    against = [
        (a, b) for a, b in pairwise(pairs) if (b[0] * a[1] < a[0] * b[1] if rising else b[0] * a[1] > a[0] * b[1])
    ]
    reason = "A count of breaks has no interval; each break carries a p-value."
    method = f"neighbouring bins against the direction, {len(rows)} bins"
    breaks = Estimate(float(len(against)), None, None, method, sum(rows), reason)
    return EvidenceOrder("rising" if rising else "falling", breaks, tuple(two_proportions(a, b).p for a, b in against))


def _fit(design: np.ndarray, y: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    scale = np.r_[1.0, design[:, 1:].std(axis=0)]
    if (scale == 0).any() or np.linalg.matrix_rank(design / scale) < design.shape[1]:
        raise ValueError(f"The columns {', '.join(names)} are collinear or constant; leave one out.")
    z, beta = design / scale, np.zeros(design.shape[1])
    for _ in range(STEPS):
        fitted = special.expit(z @ beta)
        information = z.T @ (z * (fitted * (1 - fitted))[:, None])
        if np.linalg.cond(information) > 1e14:
            break
        step = np.linalg.solve(information, z.T @ (y - fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return beta / scale, np.sqrt(np.diag(np.linalg.inv(information))) / scale
    raise ValueError(
        f"The columns {', '.join(names)} separate the outcomes and no fit settles; leave out the one that does."
    )
