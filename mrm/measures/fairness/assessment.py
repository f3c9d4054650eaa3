"""All bias measures of every attribute and intersection, judged against the limits."""

from __future__ import annotations

from collections.abc import Iterator

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import (
    calibration,
    conditional,
    errors,
    intersections,
    ordered,
    rank_order,
    scores,
    selection,
    strata,
)
from mrm.measures.fairness.comparison import Comparison, withheld
from mrm.measures.fairness.judging import Thresholds, judged
from mrm.measures.fairness.significance import adjusted
from mrm.measures.fairness.suppression import suppressed
from mrm.measures.groups import AttributeCounts, by_group, histograms, reference_group
from mrm.measures.results import Result
from mrm.measures.tables import Summary

OF_EVERY_GROUP = ("selection_rate", *scores.OF_EVERY_GROUP, *calibration.OF_EVERY_GROUP)
OF_A_GROUP = (
    *selection.OF_A_GROUP, *errors.OF_A_GROUP, *scores.OF_A_GROUP, *rank_order.OF_A_GROUP, *calibration.OF_A_GROUP,
    *ordered.OF_A_GROUP, *strata.OF_A_GROUP, *conditional.OF_A_GROUP,
)  # fmt: skip
OF_AN_ATTRIBUTE = (*selection.OF_AN_ATTRIBUTE, *errors.OF_AN_ATTRIBUTE, *intersections.OF_AN_ATTRIBUTE)
MEASURES = (*OF_A_GROUP, *OF_EVERY_GROUP, *OF_AN_ATTRIBUTE)
# what is still named where nothing of a group may be shown
_NAMED_WHEN_WITHHELD = ("air", "selection_rate_difference", "shortfall", "smd", "tpr_gap", "fpr_gap", "ppv_gap", "actual_to_expected")  # fmt: skip


def withheld_groups(summary: Summary, settings: FairnessSettings) -> dict[str, frozenset[str | None]]:
    """Names of the groups of which nothing is said, by attribute and intersection, each within segments too."""
    views = _views(summary, settings)
    by_segment = [(*view, segment) for segment in summary.spec.segments for view in [(), *views]]
    return suppressed(summary, [*views, *by_segment], settings.suppress_n)


def _views(summary: Summary, settings: FairnessSettings) -> list[tuple[str, ...]]:
    return [(name,) for name in summary.spec.attributes] + list(settings.intersections)


def fairness(
    summary: Summary,
    settings: FairnessSettings,
    thresholds: Thresholds | None = None,
    hidden: dict[str, frozenset[str | None]] | None = None,
) -> list[Result]:
    """All bias measures of every attribute and intersection, one Result per measure and group.

    Ratios and gaps compare a group with its reference group, which is chosen after groups too small
    to be one are out; people whose group is not known get their rate only and are in no group's
    counts. Where the table has segments, they are also compared within these. P-values are adjusted across all groups and measures of the call. `hidden` is
    what `withheld_groups` answers, for who needs it too. Raises ValueError if a named reference group has nobody.
    """
    views = _views(summary, settings)
    if hidden is None:
        hidden = withheld_groups(summary, settings)
    out: list[Result] = []
    for attributes in views:
        counts = by_group(summary, attributes)
        unseen = hidden[counts.attribute]
        reference = reference_group(counts, settings.references.get(counts.attribute), settings.exclude_share, unseen)
        out.extend(selection.rates(counts, reference, settings, unseen))
        if reference is None or reference.favourable == 0:
            out.append(_no_reference(counts, settings.references.get(counts.attribute)))
            continue
        comparison = Comparison(counts, reference, summary, settings, histograms(summary, attributes), unseen)
        out.extend(_compared(comparison))
        if len(attributes) > 1:
            out.extend(intersections.worst_cell(comparison))
        if summary.spec.segments:
            out.extend(strata.measures(comparison, attributes, hidden))
            out.extend(conditional.measures(comparison, attributes))
    return [judged(each, thresholds) for each in adjusted(out)]


def _compared(comparison: Comparison) -> Iterator[Result]:
    spec, scored = comparison.summary.spec, bool(comparison.summary.histograms)
    yield from selection.across(comparison)
    outcomes = any(each.outcomes for each in comparison.counts.known)
    if outcomes:
        yield from errors.across(comparison)
    for group in comparison.counts.known:
        if group.group in comparison.withheld:
            yield from (withheld(name, comparison.counts, group, comparison.settings) for name in _NAMED_WHEN_WITHHELD)
    for group in comparison.others:
        yield from selection.against(group, comparison)
        yield from errors.against(group, comparison)
        if scored:
            yield from scores.against(group, comparison)
        if scored and outcomes:
            yield from rank_order.against(group, comparison)
    if scored:
        yield from scores.scoring_rates(comparison)
        yield from ordered.measures(comparison)
    if scored and outcomes and spec.is_probability:
        yield from calibration.measures(comparison)


def _no_reference(counts: AttributeCounts, named: str | None) -> Result:
    reason = "No group is large enough, with a favourable decision, to compare the others with."
    if named is not None:
        reason = f"Nothing can be compared with {named}: it may not be shown, or has no favourable decision."
    return Result(
        "air", None, None, None, counts.n_known, "", status="insufficient", reason=reason, attribute=counts.attribute
    )
