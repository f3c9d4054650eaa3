"""The impact ratio through time, with the limits within which chance alone keeps it (Shewhart 1931)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mrm.measures.evidence import FairnessSettings, shortage
from mrm.measures.fairness.judging import Thresholds, judged
from mrm.measures.fairness.ordered import cumulative_ratios
from mrm.measures.fairness.selection import impact_ratio
from mrm.measures.fairness.suppression import suppressed
from mrm.measures.groups import INTERSECTION, AttributeCounts, GroupCounts, by_group, reference_group
from mrm.measures.results import Result
from mrm.measures.tables import Summary

MEASURES = ("air_by_period",)
ERRORS = 3.0

Hidden = Mapping[str, frozenset[str | None]]
Point = dict[str, Any]


def by_period(
    summary: Summary, settings: FairnessSettings, settled: Hidden, thresholds: Thresholds | None = None
) -> list[Result]:
    """The impact ratio of every group in every period; the table has the periods as its one segment.

    `settled` says what is withheld over all periods. Control limits lie three standard errors of
    the log ratio around the ratio over all periods, for as many people as the period has.
    """
    (period,) = summary.spec.segments
    singles = [(name,) for name in summary.spec.attributes]
    views = [*singles, (period,), *((name, period) for (name,) in singles)]
    whole = {title: names for title, names in settled.items() if (title,) in singles}
    hidden = suppressed(summary, views, settings.suppress_n, whole)
    out: list[Result] = []
    for view in singles:
        counts, unseen = by_group(summary, view), hidden[view[0]]
        reference = reference_group(counts, settings.references.get(view[0]), settings.exclude_share, unseen)
        if reference is None or not reference.favourable:
            continue
        cells = by_group(summary, (*view, period))
        apart = hidden[INTERSECTION.join((*view, period))]
        others = (each for each in counts.known if each is not reference and each.group not in unseen)
        out.extend(_followed(group, reference, cells, apart, settings) for group in others)
    return [judged(each, thresholds) for each in out]


def _followed(
    group: GroupCounts, reference: GroupCounts, cells: AttributeCounts, hidden: frozenset[str | None],
    settings: FairnessSettings,
) -> Result:  # fmt: skip
    points = list(_points(group, reference, cells, hidden, settings))
    told = [each for each in points if not each["reason"]]
    outside = [each["period"] for each in told if each["outside"]]
    detail = {"points": points, "outside": outside, "over_all_periods": impact_ratio(group, reference)}
    method = f"lowest impact ratio of {len(told)} periods; log interval of that period, not corrected for the choice"
    lowest = min(told, key=lambda each: each["ratio"], default=None)
    if lowest is None:
        reason = "No period has enough people of both groups that may be shown."
        return Result("air_by_period", None, None, None, group.n, method, status="insufficient", reason=reason,
                      attribute=group.attribute, group=group.group, reference=reference.group, detail=detail)  # fmt: skip
    said = f"Outside the control limits in {', '.join(outside)}." if outside else ""
    return Result("air_by_period", lowest["ratio"], lowest["lower"], lowest["upper"], group.n, method, reason=said,
                  attribute=group.attribute, group=group.group, reference=reference.group,
                  detail={**detail, "lowest": lowest["period"]})  # fmt: skip


def _points(
    group: GroupCounts, reference: GroupCounts, cells: AttributeCounts, hidden: frozenset[str | None],
    settings: FairnessSettings,
) -> Iterator[Point]:  # fmt: skip
    found = {each.group: each for each in cells.known}
    names = sorted({name.rsplit(INTERSECTION, 1)[1] for name in found})
    for name in names:
        pair = [found.get(who + INTERSECTION + name) for who in (group.group, reference.group)]
        mine, theirs = pair
        if mine is None or theirs is None or any(each is not None and each.group in hidden for each in pair):
            said = "Nobody of the group or of the reference." if None in pair else "Withheld: too few people."
            yield {"period": name, "ratio": None, "reason": said, "outside": False}
            continue
        yield _point(name, mine, theirs, group, reference, settings)


def _point(
    name: str, mine: GroupCounts, theirs: GroupCounts, group: GroupCounts, reference: GroupCounts,
    settings: FairnessSettings,
) -> Point:  # fmt: skip
    low, high = control_limits((group.favourable, group.n), (reference.favourable, reference.n), mine.n, theirs.n)
    few = shortage(mine, theirs, settings) or ("" if theirs.favourable else "Nobody of the reference is favoured.")
    if few:
        return {"period": name, "ratio": None, "n": mine.n, "reference_n": theirs.n, "reason": few, "outside": False}
    ratio = impact_ratio(mine, theirs)
    found = cumulative_ratios(np.array([mine.favourable]), np.array([theirs.favourable]), mine.n, theirs.n)
    beyond = low is not None and high is not None and not low <= ratio <= high
    return {
        "period": name, "ratio": ratio, "lower": float(found.lower[0]), "upper": float(found.upper[0]), "n": mine.n,
        "reference_n": theirs.n, "lower_control": low, "upper_control": high, "outside": beyond, "reason": "",
    }  # fmt: skip


def control_limits(
    group: tuple[int, int], reference: tuple[int, int], n: int, reference_n: int
) -> tuple[float | None, float | None]:
    """Three standard errors of the log ratio around that of both as (favourable, n), for samples of `n` and `reference_n`.

    None where a rate is 0.
    """
    (a, whole), (b, reference_whole) = group, reference
    if not a or not b:
        return None, None
    rate, base = a / whole, b / reference_whole
    half = ERRORS * math.sqrt((1 - rate) / (rate * n) + (1 - base) / (base * reference_n))
    return rate / base * math.exp(-half), rate / base * math.exp(half)
