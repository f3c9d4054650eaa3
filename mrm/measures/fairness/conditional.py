"""Whether legitimate factors account for a difference: logistic regression and decomposition on grouped counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mrm.measures.evidence import shortage
from mrm.measures.fairness.comparison import NO_DRAWS, Bounds, Comparison, bounds, result
from mrm.measures.fairness.significance import normal_p
from mrm.measures.groups import GroupCounts, group_of
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile
from mrm.measures.results import Result

OF_A_GROUP = ("conditional_odds_ratio", "average_marginal_effect", "explained_gap", "unexplained_gap")
NOT_PROVIDED = "Not provided"

Matrix = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Strata:
    """Everybody whose group is known, by group and legitimate factors: rows of distinct combinations.

    `factors` has one column per factor; `favourable` and `n` have shape (rows,).
    """

    groups: tuple[str, ...]
    factors: tuple[tuple[str, ...], ...]
    favourable: Counts
    n: Counts

    def design(self, reference: str | None = None) -> tuple[Matrix, list[str]]:
        """Intercept, a column for every group but the reference, and for every factor's levels but the first."""
        names, columns = ["intercept"], [np.ones(len(self.n))]
        if reference is not None:
            for group in sorted(set(self.groups) - {reference}):
                names.append(group)
                columns.append(np.array([float(each == group) for each in self.groups]))
        for place in range(len(self.factors[0]) if self.factors else 0):
            levels = sorted({row[place] for row in self.factors})
            for level in levels[1:]:
                names.append(f"{place}/{level}")
                columns.append(np.array([float(row[place] == level) for row in self.factors]))
        return np.column_stack(columns), names


@dataclass(frozen=True, slots=True)
class Fit:
    """Coefficients of a logistic regression and their covariance."""

    beta: Matrix
    covariance: Matrix


@dataclass(frozen=True, slots=True)
class Effect:
    """A value with its standard error."""

    value: float
    error: float

    def interval(self) -> tuple[float, float]:
        """95 % normal interval."""
        half = normal_quantile() * self.error
        return self.value - half, self.value + half


def strata(comparison: Comparison, attributes: tuple[str, ...]) -> Strata:
    """Decisions by group and by all segment columns of the table; a missing factor is a level of its own."""
    spec = comparison.summary.spec
    named = group_of(comparison.summary, attributes)
    kept = {comparison.reference.group, *(each.group for each in comparison.others)}
    found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for (who, _, decision), cell in comparison.summary.cells.items():
        group = named(who)
        if group is not None and group in kept:
            factors = tuple(name or NOT_PROVIDED for name in who[len(spec.attributes) :])
            counts = found.setdefault((group, factors), [0, 0])
            counts[0] += cell.n * decision
            counts[1] += cell.n
    rows = sorted(found)
    favourable, n = np.array([found[row] for row in rows], dtype=np.int64).reshape(-1, 2).T
    return Strata(tuple(g for g, _ in rows), tuple(f for _, f in rows), favourable, n)


def logistic(design: Matrix, favourable: Counts, n: Counts) -> Fit | None:
    """Maximum likelihood of logit(rate) = design @ beta for grouped counts, by Newton's method.

    `design` has shape (rows, columns). Covariance is the inverse of the information. None if the
    fit does not settle: a factor that decides alone, or columns that say the same.
    """
    beta = np.zeros(design.shape[1])
    for _ in range(40):
        fitted = special.expit(design @ beta)
        information = design.T @ (design * (n * fitted * (1 - fitted))[:, None])
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (favourable - n * fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            return Fit(beta, np.linalg.inv(information))
    return None


def marginal_effect(fit: Fit, design: Matrix, n: Counts, column: int, others: list[int]) -> Effect:
    """Average over everybody of the rate as a member of the group minus the rate as one of the reference.

    `column` is the group's, `others` all group columns. Standard error by the delta method.
    """
    as_reference = design.copy()
    as_reference[:, others] = 0.0
    as_member = as_reference.copy()
    as_member[:, column] = 1.0
    first, second = special.expit(as_member @ fit.beta), special.expit(as_reference @ fit.beta)
    weight = n / n.sum()
    gradient = (weight * first * (1 - first)) @ as_member - (weight * second * (1 - second)) @ as_reference
    return Effect(float(weight @ (first - second)), float(np.sqrt(gradient @ fit.covariance @ gradient)))


def decompose(design: Matrix, favourable: Matrix, n: Matrix, member: NDArray[np.bool_]) -> Matrix:
    """Explained and unexplained part of the difference of mean rates, group minus reference.

    Oaxaca (1973) and Blinder (1973) with the reference's coefficients: explained is the difference
    of mean factors times the reference's linear coefficients, unexplained the rest. `favourable`
    and `n` have shape (..., rows); the answer has shape (..., 2). Not a number where the reference
    has too few distinct combinations.
    """
    mine, theirs = n * member, n * ~member
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (mine @ design) / mine.sum(axis=-1, keepdims=True) - (theirs @ design) / theirs.sum(
            axis=-1, keepdims=True
        )
        gap = (favourable * member).sum(axis=-1) / mine.sum(axis=-1) - (favourable * ~member).sum(axis=-1) / theirs.sum(
            axis=-1
        )
    square = np.einsum("...r,rp,rq->...pq", theirs, design, design)
    right = np.einsum("...r,rp->...p", favourable * ~member, design)
    spread = np.linalg.eigvalsh(square)  # the condition of a symmetric matrix, for a third of what singular values cost
    usable = spread[..., -1] < 1e12 * spread[..., 0]
    safe = np.where(usable[..., None, None], square, np.eye(design.shape[1]))
    beta = np.linalg.solve(safe, right[..., None])[..., 0]
    explained = np.where(usable, (mean * beta).sum(axis=-1), np.nan)
    return np.stack([explained, gap - explained], axis=-1)


def measures(comparison: Comparison, attributes: tuple[str, ...]) -> Iterator[Result]:
    """Odds ratio and average marginal effect given the factors, and what of the gap the factors explain."""
    rows = strata(comparison, attributes)
    named = ", ".join(comparison.summary.spec.segments)
    design, names = rows.design(comparison.reference.group)
    fit = logistic(design, rows.favourable, rows.n)
    columns = [names.index(each.group) for each in comparison.others]
    for group, column in zip(comparison.others, columns, strict=True):
        yield from _regression(group, comparison, fit, marginal_effect(fit, design, rows.n, column, columns) if fit else None, column, named)  # fmt: skip
        yield from _parts(group, comparison, rows, named)


def _regression(
    group: GroupCounts, comparison: Comparison, fit: Fit | None, effect: Effect | None, column: int, named: str
) -> Iterator[Result]:
    lacking = shortage(group, comparison.reference, comparison.settings)
    method = f"logistic regression of the decision on group and {named}"
    if fit is None or effect is None:
        said = "The regression has no solution: a factor alone decides, or factors say the same."
        for measure in OF_A_GROUP[:2]:
            yield result(measure, comparison, group, None, (None, None), method, lacking=lacking or said)
        return
    odds = Effect(float(fit.beta[column]), float(np.sqrt(fit.covariance[column, column])))
    low, high = odds.interval()
    interval = (float(np.exp(low)), float(np.exp(high)))
    test: dict[str, Any] = {} if lacking else {"p": normal_p(odds.value / odds.error), "p_adjusted": None}
    yield result("conditional_odds_ratio", comparison, group, float(np.exp(odds.value)), interval, f"{method}; Wald interval", lacking=lacking, **test)  # fmt: skip
    said = f"{method}; average over everybody, delta-method interval"
    yield result("average_marginal_effect", comparison, group, effect.value, effect.interval(), said, lacking=lacking)


def _parts(group: GroupCounts, comparison: Comparison, rows: Strata, named: str) -> Iterator[Result]:
    pair = np.array([each in (group.group, comparison.reference.group) for each in rows.groups])
    kept = Strata(
        tuple(g for g, keep in zip(rows.groups, pair, strict=True) if keep),
        tuple(f for f, keep in zip(rows.factors, pair, strict=True) if keep),
        rows.favourable[pair],
        rows.n[pair],
    )
    design, _ = kept.design()
    member = np.array([each == group.group for each in kept.groups])
    values = decompose(design, kept.favourable.astype(float), kept.n.astype(float), member)
    samples = _replicates(group, comparison, kept, design, member)
    lacking = shortage(group, comparison.reference, comparison.settings)
    for place, (measure, said) in enumerate(
        (("explained_gap", "explained by"), ("unexplained_gap", "not explained by"))
    ):
        made = f"percentile bootstrap, {len(samples):,} draws" if len(samples) else NO_DRAWS
        method = (
            f"difference of selection rates {said} {named}, Oaxaca-Blinder with the reference's coefficients; {made}"
        )
        value = float(values[place]) if np.isfinite(values[place]) else None
        interval: Bounds = bounds(samples[:, place]) if value is not None else (None, None)
        missing = lacking or ("" if value is not None else "The reference does not show every level of the factors.")
        yield result(measure, comparison, group, value, interval, method, lacking=missing)


def _replicates(
    group: GroupCounts, comparison: Comparison, rows: Strata, design: Matrix, member: NDArray[np.bool_]
) -> Matrix:
    settings = comparison.settings
    draws = min(settings.draws, settings.curve_draws)
    rng = generator(settings.seed, f"decomposition/{comparison.counts.attribute}/{group.group}")
    drawn = bootstrap_counts(np.stack([rows.favourable, rows.n - rows.favourable], axis=1), draws, rng).astype(float)
    return decompose(design, drawn[:, :, 0], drawn.sum(axis=2), member)
