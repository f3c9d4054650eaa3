"""The same comparison within strata: common odds ratio, Cochran-Mantel-Haenszel, Breslow-Day, and the ratio by segment.

A difference over everybody can vanish, or turn round, within each segment (Simpson 1951, JRSS B 13:238).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mrm.measures.evidence import shortage
from mrm.measures.fairness.comparison import Bounds, Comparison, result
from mrm.measures.fairness.ordered import cumulative_ratios
from mrm.measures.fairness.selection import impact_ratio
from mrm.measures.groups import INTERSECTION, AttributeCounts, GroupCounts, by_group
from mrm.measures.intervals import normal_quantile
from mrm.measures.results import Result

OF_A_GROUP = ("common_odds_ratio", "segmented_air")

Tables = NDArray[np.int64]
Hidden = Mapping[str, frozenset[str | None]]


@dataclass(frozen=True, slots=True)
class Test:
    """A chi-square test: statistic, degrees of freedom and p-value."""

    statistic: float
    degrees_of_freedom: int
    p: float


def common_odds_ratio(tables: Tables) -> tuple[float | None, Bounds]:
    """Odds ratio common to strata (Mantel and Haenszel 1959), tables of shape (strata, 2, 2).

    Interval of Robins, Breslow and Greenland (1986, Biometrics 42:311). None where no stratum
    holds both groups and both decisions.
    """
    a, b, c, d = (tables[:, i, j].astype(float) for i in (0, 1) for j in (0, 1))
    n = a + b + c + d
    ad, bc = a * d / n, b * c / n
    if not bc.sum():
        return None, (None, None)
    value = float(ad.sum() / bc.sum())
    if not ad.sum():
        return value, (None, None)
    on, off = (a + d) / n, (b + c) / n
    variance = (
        (on * ad).sum() / (2 * ad.sum() ** 2)
        + (on * bc + off * ad).sum() / (2 * ad.sum() * bc.sum())
        + (off * bc).sum() / (2 * bc.sum() ** 2)
    )
    half = normal_quantile() * float(np.sqrt(variance))
    return value, (value * float(np.exp(-half)), value * float(np.exp(half)))


def cochran_mantel_haenszel(tables: Tables, *, correction: bool) -> Test:
    """Whether the odds ratio common to strata is 1 (Cochran 1954; Mantel and Haenszel 1959).

    With `correction` the absolute difference is reduced by one half, not below nothing. Raises
    ValueError if no stratum can tell.
    """
    first, favourable, n = tables[:, 0].sum(axis=1), tables[:, :, 0].sum(axis=1), tables.sum(axis=(1, 2))
    telling = n > 1
    first, favourable, n, hit = (x[telling].astype(float) for x in (first, favourable, n, tables[:, 0, 0]))
    variance = (first * (n - first) * favourable * (n - favourable) / (n * n * (n - 1))).sum()
    if not variance:
        raise ValueError("No stratum holds both groups and both decisions.")
    distance = abs(float((hit - first * favourable / n).sum()))
    distance = max(0.0, distance - 0.5) if correction else distance
    return _chi_square(distance**2 / float(variance), 1)


def breslow_day(tables: Tables) -> Test:
    """Whether the odds ratio is the same in all strata (Breslow and Day 1980, section 4.4), without Tarone's adjustment.

    Strata in which a group or a decision has nobody say nothing and are left out. Raises
    ValueError with fewer than two strata left, or if the common odds ratio is 0 or has no limit.
    """
    useful = (tables.sum(axis=1) > 0).all(axis=1) & (tables.sum(axis=2) > 0).all(axis=1)
    kept = tables[useful]
    odds, _ = common_odds_ratio(kept) if len(kept) > 1 else (None, (None, None))
    if not odds:
        raise ValueError("Fewer than two strata hold both groups and both decisions.")
    first, favourable, n = (
        x.astype(float) for x in (kept[:, 0].sum(axis=1), kept[:, :, 0].sum(axis=1), kept.sum(axis=(1, 2)))
    )
    rest = n - first - favourable
    linear = rest + odds * (first + favourable)
    root = np.sqrt(linear**2 - 4 * (odds - 1) * odds * first * favourable)
    expected = 2 * odds * first * favourable / (linear + root)
    variance = 1 / (1 / expected + 1 / (first - expected) + 1 / (favourable - expected) + 1 / (rest + expected))
    return _chi_square(float(((kept[:, 0, 0] - expected) ** 2 / variance).sum()), len(kept) - 1)


def measures(comparison: Comparison, attributes: tuple[str, ...], hidden: Hidden) -> Iterator[Result]:
    """Per group and segment column: the common odds ratio with its tests, and the ratio in every segment.

    Raises nothing: a column whose strata cannot tell gives insufficient evidence.
    """
    for column in comparison.summary.spec.segments:
        title = INTERSECTION.join((*attributes, column))
        cells = by_group(comparison.summary, (*attributes, column))
        unseen = hidden.get(title, frozenset())
        for group in comparison.others:
            pairs = _pairs(group, comparison.reference, cells)
            yield _common(group, comparison, column, pairs)
            yield _segmented(
                group, comparison, column, {k: v for k, v in pairs.items() if not _is_hidden(k, v, unseen)}
            )


def _pairs(
    group: GroupCounts, reference: GroupCounts, cells: AttributeCounts
) -> dict[str, tuple[GroupCounts | None, GroupCounts | None]]:
    """Segment name to the group and the reference in it."""
    found = {each.group: each for each in cells.known}
    names = sorted({name.rsplit(INTERSECTION, 1)[1] for name in found})
    return {
        name: (found.get(group.group + INTERSECTION + name), found.get(reference.group + INTERSECTION + name))
        for name in names
    }


def _is_hidden(
    segment: str, pair: tuple[GroupCounts | None, GroupCounts | None], unseen: frozenset[str | None]
) -> bool:
    return any(each is not None and each.group in unseen for each in pair)


def _common(
    group: GroupCounts, comparison: Comparison, column: str, pairs: dict[str, tuple[GroupCounts | None, GroupCounts | None]]
) -> Result:  # fmt: skip
    both = [(g, r) for g, r in pairs.values() if g is not None and r is not None]
    tables = np.array(
        [[[g.favourable, g.unfavourable], [r.favourable, r.unfavourable]] for g, r in both], dtype=np.int64
    ).reshape(-1, 2, 2)
    method = f"Mantel-Haenszel odds ratio over the strata of {column}; Robins-Breslow-Greenland interval"
    lacking = shortage(group, comparison.reference, comparison.settings)
    value, interval = common_odds_ratio(tables)
    detail: dict[str, Any] = {"segment": column, "strata": len(both), "lost": group.n - int(tables[:, 0].sum())}
    try:
        corrected = cochran_mantel_haenszel(tables, correction=True)
        plain = cochran_mantel_haenszel(tables, correction=False)
    except ValueError as error:
        return result(
            "common_odds_ratio", comparison, group, value, interval, method, lacking=lacking or str(error), **detail
        )
    detail |= {
        "statistic": corrected.statistic,
        "statistic_without_correction": plain.statistic,
        "p_without_correction": plain.p,
    }
    if not lacking:
        detail |= {"p": corrected.p, "p_adjusted": None, "test": "Cochran-Mantel-Haenszel, with continuity correction"}
    try:
        equal = breslow_day(tables)
        detail |= {"breslow_day": equal.statistic, "breslow_day_p": equal.p}
    except ValueError as error:
        detail |= {"breslow_day": None, "breslow_day_reason": str(error)}
    return result("common_odds_ratio", comparison, group, value, interval, method, lacking=lacking, **detail)


def _segmented(
    group: GroupCounts, comparison: Comparison, column: str, pairs: dict[str, tuple[GroupCounts | None, GroupCounts | None]]
) -> Result:  # fmt: skip
    """The lowest impact ratio over segments large enough; every segment is a point of the detail."""
    points = [_point(name, mine, theirs, comparison) for name, (mine, theirs) in pairs.items()]
    told = [each for each in points if not each["reason"]]
    whole = group.selection_rate - comparison.reference.selection_rate
    turned = bool(told) and all((each["ratio"] > 1) != (whole > 0) for each in told)
    method = (
        f"lowest impact ratio over the segments of {column}; log interval of that segment, not corrected for the choice"
    )
    detail: dict[str, Any] = {"segment": column, "points": points, "reversed_in_every_segment": turned}
    if not told:
        lacking = f"No segment of {column} has enough people of both groups that may be shown."
        return result("segmented_air", comparison, group, None, (None, None), method, lacking=lacking, **detail)
    lowest = min(told, key=lambda each: each["ratio"])
    interval = (lowest["lower"], lowest["upper"])
    return result("segmented_air", comparison, group, lowest["ratio"], interval, method, **detail)


def _point(
    segment: str, mine: GroupCounts | None, theirs: GroupCounts | None, comparison: Comparison
) -> dict[str, Any]:
    """One segment: ratio, interval and sizes, and why it is not counted if it is not."""
    if mine is None or theirs is None or not theirs.favourable:
        return {"segment": segment, "ratio": None, "reason": "The group or the reference has nobody here."}
    found = cumulative_ratios(np.array([mine.favourable]), np.array([theirs.favourable]), mine.n, theirs.n)
    return {
        "segment": segment, "ratio": impact_ratio(mine, theirs), "n": mine.n, "reference_n": theirs.n,
        "lower": float(found.lower[0]), "upper": float(found.upper[0]),
        "reason": shortage(mine, theirs, comparison.settings),
    }  # fmt: skip


def _chi_square(statistic: float, degrees: int) -> Test:
    return Test(statistic, degrees, float(special.chdtrc(degrees, statistic)))
