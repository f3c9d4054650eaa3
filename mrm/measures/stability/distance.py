"""Distances of two distributions from counts by the same bins, and tests that they are one.

An effect's size comes first; at a million rows every p-value is near zero. A distance of samples
is above zero even between equal populations; read the interval so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import Scores
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import Counts, benjamini_hochberg, bootstrap_counts, generator, of_distance
from mrm.measures.noncentral import noncentral_interval
from mrm.measures.stability.counts import EXTRA
from mrm.measures.stability.edges import NumericColumn
from mrm.measures.stability.index import _pair

DRAWS = 500
Distance = Callable[[Scores, Scores], Scores]


def total_variation(reference: ArrayLike, current: ArrayLike, seed: int = 0) -> Estimate:
    """Half the sum of absolute differences of shares, 0 to 1: the share of rows that would have to move."""
    return _estimate("total variation", lambda e, a: np.abs(a - e).sum(axis=-1) / 2, reference, current, seed)


def overlap(reference: ArrayLike, current: ArrayLike, seed: int = 0) -> Estimate:
    """Sum of the smaller of both shares, 0 to 1: one less the total variation."""
    found = total_variation(reference, current, seed)
    low, high = (None if bound is None else 1 - bound for bound in (found.upper, found.lower))
    return Estimate(1 - found.value, low, high, f"1 - {found.method}", found.n)


def largest_difference(reference: ArrayLike, current: ArrayLike, seed: int = 0) -> Estimate:
    """L-infinity: the largest absolute difference of a bin's shares, 0 to 1."""
    return _estimate("largest difference of shares", lambda e, a: np.abs(a - e).max(axis=-1), reference, current, seed)


def hellinger(reference: ArrayLike, current: ArrayLike, seed: int = 0) -> Estimate:
    """Root of half the squared differences of the shares' roots, 0 to 1 (Hellinger 1909, J. reine angew. Math. 136:210)."""

    def measure(e: Scores, a: Scores) -> Scores:
        return np.asarray(np.sqrt(((np.sqrt(a) - np.sqrt(e)) ** 2).sum(axis=-1) / 2))

    return _estimate("Hellinger distance", measure, reference, current, seed)


def jensen_shannon(reference: ArrayLike, current: ArrayLike, seed: int = 0) -> Estimate:
    """Root of the Jensen-Shannon divergence to base 2, 0 to 1 (Lin 1991, IEEE Trans. Inf. Theory 37:145; Endres and Schindelin 2003, 49:1858)."""

    def measure(e: Scores, a: Scores) -> Scores:
        middle = (a + e) / 2
        parts = [np.where(each > 0, each, 1) * np.log2(np.where(each > 0, each, 1) / np.where(each > 0, middle, 1))
                 for each in (a, e)]  # fmt: skip
        return np.asarray(np.sqrt(np.maximum(0.0, (parts[0] + parts[1]).sum(axis=-1) / 2)))

    return _estimate("Jensen-Shannon distance, base 2", measure, reference, current, seed)


def kolmogorov_smirnov(reference: ArrayLike, current: ArrayLike, seed: int = 0) -> tuple[Estimate, HypothesisTest]:
    """Largest distance of both distribution functions at the edges of a numeric column's bins, and the two-sample test.

    Counts as `Summary` holds them; missing values are left out. The exact distance is at most
    `detail["bound"]` above. p-value of the limiting law, on bins never too small.
    """
    e, a = _ordered(reference), _ordered(current)

    def measure(first: Scores, second: Scores) -> Scores:
        return np.asarray(np.abs(first.cumsum(axis=-1) - second.cumsum(axis=-1)).max(axis=-1))

    bound = float(max((each / each.sum()).max() for each in (e, a)))
    found = _estimate("Kolmogorov-Smirnov at bin edges", measure, e, a, seed, {"bound": bound})
    size = e.sum() * a.sum() / (e.sum() + a.sum())
    p = float(stats.kstwobign.sf(found.value * size**0.5))
    null = "Both samples come from one distribution."
    return found, HypothesisTest(
        "Kolmogorov-Smirnov", found.value, p, found.n, null, "two-sample, limiting law, binned"
    )


def chi_square(reference: ArrayLike, current: ArrayLike) -> tuple[Estimate, HypothesisTest]:
    """Cramér's V of sample and bin, 0 to 1, and Pearson's chi-square test that both are one population.

    Interval: root of that of the non-centrality over n (Smithson 2003, Confidence Intervals). Raises
    ValueError with fewer than two bins that hold a row.
    """
    e, a, _, degrees = _pair(reference, current)
    if degrees < 1:
        raise ValueError("All rows lie in one bin; there is nothing to compare. Freeze finer edges.")
    table = np.stack([e, a])[:, (e + a) > 0]
    found = stats.chi2_contingency(table, correction=False)
    n, statistic = int(table.sum()), float(found.statistic)
    bounds = (min(1.0, max(0.0, bound) ** 0.5) for bound in noncentral_interval(statistic / n, 1 / n, degrees))
    low, high = bounds
    note = "Cells expect fewer than five rows; the chi-square law is rough." if found.expected_freq.min() < 5 else ""
    null = "Both samples come from one population."
    estimate = Estimate((statistic / n) ** 0.5, low, high, "Cramér's V; non-central chi-square interval", int(a.sum()))
    test = HypothesisTest("Chi-square", statistic, float(found.pvalue), n, null, "Pearson, two samples", degrees, note)
    return estimate, test


def wasserstein(reference: ArrayLike, current: ArrayLike, column: NumericColumn, seed: int = 0) -> Estimate:
    """Area between both distribution functions in standard deviations of the reference.

    Counts as `Summary` holds them. Values are spread evenly over their bin, those out of range
    stand at the reference's end, missing ones are left out. Where values lie in their bins is not
    known: `detail["at_least"]` and `detail["at_most"]` bound the area whatever it be; finer frozen
    edges bring them together. Raises ValueError without spread.
    """
    if column.deviation <= 0:
        raise ValueError(f"Column {column.name} has one value only in the reference; no distance is relative to it.")
    widths = np.diff(np.array([column.low, *column.upper]))

    def measure(first: Scores, second: Scores) -> Scores:
        gap = (first - second).cumsum(axis=-1)[..., :-1]
        left, right = gap[..., :-1], gap[..., 1:]
        size = np.abs(left) + np.abs(right)
        crossing = np.divide(left**2 + right**2, 2 * size, out=np.zeros_like(size), where=size > 0)
        height = np.where(left * right >= 0, size / 2, crossing)
        return np.asarray((height * widths).sum(axis=-1) / column.deviation)

    name = "area between distribution functions over the reference's standard deviation"
    before, now = _ordered(reference), _ordered(current)
    detail = dict(zip(("at_least", "at_most"), _area_bounds(before, now, widths / column.deviation), strict=True))
    return _estimate(name, measure, before, now, seed, detail)


def adjusted(tests: Mapping[str, HypothesisTest]) -> dict[str, float]:
    """p-values of many columns' tests, adjusted for their number (Benjamini and Hochberg 1995, JRSS B 57:289)."""
    return dict(zip(tests, benjamini_hochberg([each.p for each in tests.values()]), strict=True))


def _ordered(values: ArrayLike) -> Counts:
    """Below, the bins in rising order, above."""
    counted = np.asarray(values)
    return np.asarray(np.r_[counted[EXTRA.index("below")], counted[len(EXTRA) :], counted[EXTRA.index("above")]])


def _area_bounds(before: Counts, now: Counts, widths: Scores) -> tuple[float, float]:
    """Smallest and largest area that two distribution functions through the same points can enclose."""
    f, g = before.cumsum()[:-1] / before.sum(), now.cumsum()[:-1] / now.sum()
    apart = np.maximum(f[:-1] - g[1:], g[:-1] - f[1:])
    widest = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])
    return float((np.maximum(apart, 0) * widths).sum()), float((widest * widths).sum())


def _estimate(
    name: str, measure: Distance, reference: ArrayLike, current: ArrayLike, seed: int,
    detail: Mapping[str, Any] | None = None,
) -> Estimate:  # fmt: skip
    e, a, _, _ = _pair(reference, current)
    rng = generator(seed, name)
    drawn = [bootstrap_counts(each, DRAWS, rng) / each.sum() for each in (e, a)]
    value = float(measure(e / e.sum(), a / a.sum()))
    low, high = of_distance(value, measure(*drawn))
    method = f"{name}; bootstrap of both samples, lower bound reflected, {DRAWS:,} draws"
    return Estimate(value, low, high, method, int(a.sum()), detail=detail or {})
