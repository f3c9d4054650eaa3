"""Population and characteristic stability: PSI, both meanings of CSI, the resemblance statistic.

Each works on two arrays of counts by the same bins, reference first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mrm.measures.checks import Scores, counts, finite, same_length
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import Counts, normal_quantile
from mrm.measures.noncentral import critical_value, noncentral_interval
from mrm.measures.score_tables import equal_mass
from mrm.measures.stability.counts import EXTRA, Summary

EPSILON = 1e-4
TOLERANCE = 0.01


def psi(reference: ArrayLike, current: ArrayLike) -> Estimate:
    """Population stability index, sum of (a - e) ln(a / e) over shares a of the current and e of the reference.

    Counts by bin, shapes (bins,). Shares below 1e-4 count as 1e-4, so an empty bin stays finite.
    Between equal populations the index is near (1/N + 1/M) times chi-square with bins - 1 degrees
    (Yurdakul and Naranjo 2020, J. Risk Model Validation 14), bins counted that hold a row:
    `detail["critical_value"]` is its 95 % point, `detail["p"]` the p-value. Interval: the same with
    a non-central chi-square. Raises ValueError on counts that do not match or hold no row.
    """
    e, a, _, _ = _pair(reference, current)
    return _psi(e, a, e, a)


def characteristic_stability(reference: Summary, current: Summary) -> dict[str, Estimate]:
    """Characteristic stability index in its first meaning: the PSI of every column.

    Bins below, above and unseen are empty in the reference because the edges were made on it, not
    because such values cannot occur. So p-value, critical value and lower bound come from the index
    with below and above folded into the outermost bins and unseen into the rarest one. Raises
    ValueError if the two were counted by different edges.
    """
    if reference.edges != current.edges:
        raise ValueError("The two were counted by different edges; count both by those frozen on the reference.")
    out = {}
    for name, counted in reference.counts.items():
        e, a, _, _ = _pair(counted, current.counts[name])
        rarest = len(EXTRA) + int(np.argmin(e[len(EXTRA) :]))
        out[name] = _psi(e, a, _folded(e, rarest), _folded(a, rarest))
    return out


def points_shift(reference: ArrayLike, current: ArrayLike, points: ArrayLike) -> Estimate:
    """Characteristic stability index in its second meaning: sum of (a - e) times the bin's scorecard points.

    In points of the score; shapes (bins,). Interval: normal, both samples' spread. Raises
    ValueError on columns of different length.
    """
    e, a, _, _ = _pair(reference, current)
    score = finite(points, "points")
    same_length(counts=e, points=score)
    value, variance = 0.0, 0.0
    for rows, sign in ((a, 1), (e, -1)):
        mean = float((rows * score).sum() / rows.sum())
        value += sign * mean
        variance += float((rows * (score - mean) ** 2).sum() / rows.sum() ** 2)
    half = normal_quantile() * variance**0.5
    return Estimate(value, value - half, value + half, "difference of mean points; normal interval", int(a.sum()))


def resemblance(
    reference: ArrayLike, current: ArrayLike, tolerance: float = TOLERANCE
) -> tuple[Estimate, HypothesisTest]:
    """Population resemblance: Pearson's distance sum of (a - e)² / e, tested against a tolerated distance.

    Under a true distance of `tolerance` the statistic is non-central chi-square (Potgieter, van
    Zyl, Schutte and Lombard 2023, arXiv:2307.11878); the reference's size counts as a sample's. A
    bin the reference leaves empty counts as a share of 1e-4. The tolerance is the user's.
    """
    e, a, scale, degrees = _pair(reference, current)
    if not tolerance >= 0:
        raise ValueError(f"The tolerated distance is {tolerance:g}; give zero or more.")
    shares, now = np.maximum(e / e.sum(), EPSILON), a / a.sum()
    value = float(((now - shares) ** 2 / shares)[(e + a) > 0].sum())
    low, high = noncentral_interval(value, scale, degrees)
    n, statistic = int(a.sum()), value / scale
    estimate = Estimate(value, low, high, "Pearson's distance; non-central chi-square interval", n)
    law = stats.ncx2(degrees, tolerance / scale) if tolerance else stats.chi2(degrees)
    p = float(law.sf(statistic)) if degrees else 1.0
    null = f"The true distance from the reference is at most {tolerance:g}."
    detail = {"critical_value": float(law.ppf(0.95) * scale) if degrees else 0.0, "tolerance": tolerance}
    return estimate, HypothesisTest("Population resemblance", statistic, p, n, null, "non-central chi-square", degrees, detail=detail)  # fmt: skip


def score_groups(reference: Counts, groups: int = 10) -> NDArray[np.intp]:
    """The group of each score bin, frozen on the reference's histogram, shape (bins,).

    0 is below all scores of the reference, then `groups` of near-equal size with bins kept whole,
    last above all. Raises ValueError if the reference holds no row.
    """
    held = np.flatnonzero(counts(reference, "reference"))
    if held.size == 0:
        raise ValueError("The reference holds no row; give one that does.")
    place = equal_mass(np.asarray(reference), groups) + 1
    place[: held[0]] = 0
    place[held[-1] + 1 :] = place.max() + 1
    return place


def score_psi(reference: Counts, current: Counts, groups: int = 10) -> Estimate:
    """PSI of two score histograms by groups frozen on the first; shapes (bins,).

    For p-value, critical value and lower bound the groups below and above all scores of the
    reference are folded into their neighbours.
    """
    same_length(reference=reference, current=current)
    place = score_groups(reference, groups)
    inner = np.clip(place, 1, int(place[np.flatnonzero(reference)].max()))
    found = []
    for each in (place, inner):
        found += [
            np.bincount(each, weights=rows, minlength=each.max() + 1).astype(np.int64) for rows in (reference, current)
        ]
    _pair(found[0], found[1])
    return _psi(*found)


def points_by_bin(names: tuple[str, ...], points: Mapping[str, float]) -> Scores:
    """Points in the order of a column's bins. Raises ValueError if a bin has none."""
    missing = [name for name in names if name not in points]
    if missing:
        raise ValueError(f"There are no points for {', '.join(missing)}; give each bin its points, extra bins as well.")
    return np.array([points[name] for name in names])


def _psi(e: Counts, a: Counts, folded_e: Counts, folded_a: Counts) -> Estimate:
    """The index of the counts; significance and lower bound from the folded ones."""
    _, _, scale, degrees = _pair(folded_e, folded_a)
    parts, folded = _parts(e, a), float(_parts(folded_e, folded_a).sum())
    value, full = float(parts.sum()), int(((e + a) > 0).sum())
    low = min(value, noncentral_interval(folded, scale, degrees)[0])
    high = max(value, noncentral_interval(value, scale, full - 1)[1])
    detail = {
        "critical_value": critical_value(scale, degrees),
        "p": float(stats.chi2.sf(folded / scale, degrees)) if degrees else 1.0,
        "epsilon": EPSILON,
        "reference_n": int(e.sum()),
        "parts": parts.tolist(),
    }
    method = f"{full} bins frozen on the reference, shares of at least {EPSILON:g}; non-central chi-square interval"
    return Estimate(value, low, high, method, int(a.sum()), detail=detail)


def _parts(e: Counts, a: Counts) -> Scores:
    shares, now = np.maximum(e / e.sum(), EPSILON), np.maximum(a / a.sum(), EPSILON)
    return np.asarray((now - shares) * np.log(now / shares))


def _folded(values: Counts, rarest: int) -> Counts:
    """Missing and the reference's own bins, what lies outside them folded in."""
    out = values.copy()
    for name, place in (("below", len(EXTRA)), ("above", values.size - 1), ("unseen", rarest)):
        out[place] += out[EXTRA.index(name)]
    return np.asarray(np.r_[out[EXTRA.index("missing")], out[len(EXTRA) :]], dtype=np.int64)


def _pair(reference: ArrayLike, current: ArrayLike) -> tuple[Counts, Counts, float, int]:
    """Both counts, 1/N + 1/M, and the bins that hold a row less one."""
    e, a = counts(reference, "reference"), counts(current, "current")
    same_length(reference=e, current=a)
    for name, each in (("reference", e), ("current", a)):
        if each.sum() == 0:
            raise ValueError(f"The {name} population holds no row; give one that does.")
    return e, a, 1 / int(e.sum()) + 1 / int(a.sum()), int(((e + a) > 0).sum()) - 1
