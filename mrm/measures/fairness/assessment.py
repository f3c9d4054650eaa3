"""Bias measures of every protected group against its reference group, from the compressed table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mrm.measures.calibration import actual_to_expected
from mrm.measures.evidence import FairnessSettings, few_outcomes, few_people, shortage
from mrm.measures.groups import AttributeCounts, GroupCounts, by_group, reference_group
from mrm.measures.intervals import (
    Significance,
    benjamini_hochberg,
    bootstrap_counts,
    generator,
    homogeneity,
    newcombe,
    normal_quantile,
    percentile,
    two_proportions,
    wilson,
)
from mrm.measures.results import Limits, Result, judge
from mrm.measures.tables import Summary

UNKNOWN = "Not provided"
RATIO = "air"
MEASURES = (
    RATIO,
    "selection_rate",
    "selection_rate_difference",
    "selection_rate_homogeneity",
    "shortfall",
    "smd",
    "tpr_gap",
    "fpr_gap",
    "ppv_gap",
    "actual_to_expected",
)
Thresholds = Mapping[str, Limits]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One attribute with its reference group; tests and ratio intervals by group name."""

    counts: AttributeCounts
    reference: GroupCounts
    ratios: Mapping[str, Bounds]
    tests: Mapping[str, Significance]


def fairness(summary: Summary, settings: FairnessSettings, thresholds: Thresholds | None = None) -> list[Result]:
    """All bias measures of every attribute and intersection, one Result per measure and group.

    Ratios and gaps compare a group with its reference group; the reference group and people whose
    group is not known get their rate only. P-values are adjusted across all groups of the call.
    Raises ValueError if a named reference group has nobody.
    """
    crossed = [(name,) for name in summary.spec.attributes] + list(settings.intersections)
    out: list[Result] = []
    for attributes in crossed:
        counts = by_group(summary, attributes)
        named = settings.references.get(counts.attribute)
        reference = reference_group(counts, named, settings.exclude_share)
        out.extend(_rates(counts, reference, settings))
        if reference is None or reference.favourable == 0 or reference.n < settings.suppress_n:
            out.append(_no_reference(counts, settings))
            continue
        comparison = compare(counts, reference, settings)
        out.append(_homogeneity(comparison, settings))
        for group in counts.known:
            if group is not reference:
                out.extend(_against(group, comparison, summary, settings))
    return _judged(out, thresholds or {})


def compare(counts: AttributeCounts, reference: GroupCounts, settings: FairnessSettings) -> Comparison:
    """Bootstrap the ratios of one attribute and test each group against the reference."""
    table = np.array([[g.favourable, g.unfavourable] for g in counts.known], dtype=np.int64)
    rng = generator(settings.seed, f"{RATIO}/{counts.attribute}")
    drawn = bootstrap_counts(table, settings.draws, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = drawn[:, :, 0] / drawn.sum(axis=2)
        ratios = rates / rates[:, [counts.known.index(reference)]]
    others = [(i, g) for i, g in enumerate(counts.known) if g is not reference]
    intervals = {g.group: percentile(ratios[:, i]) for i, g in others}
    tests = {
        g.group: two_proportions((g.favourable, g.n), (reference.favourable, reference.n))
        for _, g in others
        if not shortage(g, reference, settings)
    }
    return Comparison(counts, reference, intervals, tests)


def impact_ratio(group: GroupCounts, reference: GroupCounts) -> float:
    """Selection rate of the group over that of the reference, from whole numbers so 0.8 is 0.8."""
    return (group.favourable * reference.n) / (group.n * reference.favourable)


def _rates(counts: AttributeCounts, reference: GroupCounts | None, settings: FairnessSettings) -> Iterator[Result]:
    for group in (*counts.known, counts.unknown):
        if group is None or group.n == 0:
            continue
        base = _blank("selection_rate", counts.attribute, group, reference)
        if group.n < settings.suppress_n:
            yield _suppressed(base, settings)
            continue
        low, high = wilson(group.favourable, group.n)
        unknown = group is counts.unknown
        detail: dict[str, Any] = {"favourable": group.favourable, "is_reference": group is reference}
        if not unknown:
            detail["share"] = counts.share(group)
        reason = "The group is not known; counted here and in no rate of a group." if unknown else ""
        yield replace(
            base,
            value=group.selection_rate,
            lower=low,
            upper=high,
            reason=reason,
            method="favourable decisions over people; Wilson interval",
            detail=detail,
        )


def _against(
    group: GroupCounts, comparison: Comparison, summary: Summary, settings: FairnessSettings
) -> Iterator[Result]:
    measures: tuple[Callable[..., Result], ...] = (_ratio, _difference, _shortfall)
    gaps = ("tpr", "fpr", "ppv")
    reference = comparison.reference
    blanks = [
        _blank(name, comparison.counts.attribute, group, reference)
        for name in (RATIO, "selection_rate_difference", "shortfall")
    ]
    if group.n < settings.suppress_n:
        names = ("smd", *(f"{gap}_gap" for gap in gaps), "actual_to_expected")
        for blank in (
            *blanks,
            *(_blank(name, comparison.counts.attribute, group, reference) for name in names),
        ):
            yield _suppressed(blank, settings)
        return
    lacking = shortage(group, reference, settings)
    for measure, blank in zip(measures, blanks, strict=True):
        yield _concluded(measure(blank, group, comparison, settings), lacking)
    if summary.histograms:
        yield _concluded(_mean_difference(group, comparison, summary), few_people(group, reference, settings))
    for gap in gaps:
        yield _gap(gap, group, reference, settings)
    if (summary.spec.low, summary.spec.high) == (0.0, 1.0) and summary.histograms:
        yield _expected(group, reference, summary, settings)


def _ratio(blank: Result, group: GroupCounts, comparison: Comparison, settings: FairnessSettings) -> Result:
    lower, upper = comparison.ratios[group.group]
    test = comparison.tests.get(group.group)
    detail: dict[str, Any] = {
        "favourable": group.favourable,
        "reference_n": comparison.reference.n,
        "reference_favourable": comparison.reference.favourable,
        "test": test.test if test else None,
        "statistic": test.statistic if test else None,
        "p": test.p if test else None,
        "p_adjusted": None,
    }
    result = replace(
        blank,
        value=impact_ratio(group, comparison.reference),
        lower=lower,
        upper=upper,
        detail=detail,
        method=f"ratio of selection rates; percentile bootstrap of the counts, {settings.draws:,} draws",
    )
    share = comparison.counts.share(group)
    if settings.exclude_from_ratio and share < settings.exclude_share:
        reason = (
            f"{share:.1%} of those whose group is known, under {settings.exclude_share:.0%}; rate listed, ratio not."
        )
        return replace(result, value=None, lower=None, upper=None, status="not_applicable", reason=reason)
    return result


def _difference(blank: Result, group: GroupCounts, comparison: Comparison, settings: FairnessSettings) -> Result:
    reference = comparison.reference
    low, high = newcombe((group.favourable, group.n), (reference.favourable, reference.n))
    return replace(
        blank,
        value=group.selection_rate - reference.selection_rate,
        lower=low,
        upper=high,
        method="difference of selection rates; Newcombe interval",
    )


def _shortfall(blank: Result, group: GroupCounts, comparison: Comparison, settings: FairnessSettings) -> Result:
    """People of the group who would also be decided favourably at the reference group's rate."""
    reference = comparison.reference
    low, high = newcombe((reference.favourable, reference.n), (group.favourable, group.n))
    value = (reference.selection_rate - group.selection_rate) * group.n
    return replace(
        blank,
        value=value,
        lower=low * group.n,
        upper=high * group.n,
        method="people, difference of rates times group size; Newcombe interval",
    )


def _mean_difference(group: GroupCounts, comparison: Comparison, summary: Summary) -> Result:
    """100 (mean of group - mean of reference) / standard deviation of everybody."""
    everybody = [
        *comparison.counts.known,
        *([comparison.counts.unknown] if comparison.counts.unknown else []),
    ]
    total = everybody[0].scores
    for each in everybody[1:]:
        total = total + each.scores
    blank = _blank("smd", comparison.counts.attribute, group, comparison.reference)
    _, variance = summary.mean_and_variance(total)
    if variance == 0:
        return replace(blank, status="not_applicable", reason="All scores are equal.")
    mean, spread = summary.mean_and_variance(group.scores)
    other, other_spread = summary.mean_and_variance(comparison.reference.scores)
    value = 100 * (mean - other) / variance**0.5
    error = 100 * (spread / group.n + other_spread / comparison.reference.n) ** 0.5 / variance**0.5
    half = normal_quantile() * error
    return replace(
        blank,
        value=value,
        lower=value - half,
        upper=value + half,
        method="100 × difference of mean scores over the standard deviation of all; normal interval",
        detail={"mean_score": mean, "reference_mean_score": other},
    )


def _gap(rate: str, group: GroupCounts, reference: GroupCounts, settings: FairnessSettings) -> Result:
    blank = _blank(f"{rate}_gap", group.attribute, group, reference)
    first, second = _fraction(rate, group), _fraction(rate, reference)
    lacking = few_outcomes(group, reference, settings)
    if not first[1] or not second[1]:
        return replace(blank, status="insufficient", reason=lacking or "Nobody to compare.")
    low, high = newcombe(first, second)
    result = replace(
        blank,
        value=first[0] / first[1] - second[0] / second[1],
        lower=low,
        upper=high,
        method="group minus reference; Newcombe interval",
        detail={
            "group_rate": first[0] / first[1],
            "reference_rate": second[0] / second[1],
            "denominator": first[1],
        },
    )
    return _concluded(result, lacking)


def _fraction(rate: str, group: GroupCounts) -> tuple[int, int]:
    return {
        "tpr": (group.good_favourable, group.good),
        "fpr": (group.bad_favourable, group.bad),
        "ppv": (group.good_favourable, group.good_favourable + group.bad_favourable),
    }[rate]


def _expected(group: GroupCounts, reference: GroupCounts, summary: Summary, settings: FairnessSettings) -> Result:
    blank = _blank("actual_to_expected", group.attribute, group, reference)
    scores = group.outcome_scores
    lacking = few_outcomes(group, None, settings)
    found = (
        None
        if not scores.n
        else actual_to_expected(group.events, scores.n, summary.mean_and_variance(scores)[0] * scores.n)
    )
    if found is None:
        return replace(blank, status="insufficient", reason=lacking or "Nothing was expected.")
    result = replace(blank, value=found.value, lower=found.lower, upper=found.upper, method=found.method)
    return _concluded(result, lacking)


def _homogeneity(comparison: Comparison, settings: FairnessSettings) -> Result:
    groups = [each for each in comparison.counts.known if each.n >= settings.conclude_n]
    base = Result(
        "selection_rate_homogeneity",
        None,
        None,
        None,
        sum(g.n for g in groups),
        "Pearson chi-square over groups large enough",
        attribute=comparison.counts.attribute,
    )
    try:
        statistic, dof, p = homogeneity([g.favourable for g in groups], [g.n for g in groups])
    except ValueError as error:
        return replace(base, status="insufficient", reason=str(error))
    return replace(base, value=statistic, detail={"degrees_of_freedom": dof, "p": p})


def _judged(results: list[Result], thresholds: Thresholds) -> list[Result]:
    tested = [i for i, each in enumerate(results) if each.measure == RATIO and each.detail.get("p") is not None]
    adjusted = dict(zip(tested, benjamini_hochberg([results[i].detail["p"] for i in tested]), strict=True))
    out = []
    for i, each in enumerate(results):
        p = adjusted.get(i)
        result = each if p is None else replace(each, detail={**each.detail, "p_adjusted": p})
        said = judge(result.value, thresholds.get(result.measure), lower=result.lower, upper=result.upper, p_adjusted=p)
        result = replace(result, threshold_text=said.text, pack=said.pack)
        open_to_judgement = (
            result.status == "info" and not result.detail.get("is_reference") and result.value is not None
        )
        out.append(
            replace(result, status=said.status, reason=said.reason or result.reason) if open_to_judgement else result
        )
    return out


def _blank(measure: str, attribute: str, group: GroupCounts, reference: GroupCounts | None) -> Result:
    return Result(
        measure,
        None,
        None,
        None,
        group.n,
        "",
        attribute=attribute,
        group=group.group or UNKNOWN,
        reference=reference.group if reference else "",
    )


def _suppressed(blank: Result, settings: FairnessSettings) -> Result:
    reason = f"Fewer than {settings.suppress_n} people; counts and rates are withheld."
    return replace(blank, n=None, status="insufficient", reason=reason, detail={"suppressed": True})


def _no_reference(counts: AttributeCounts, settings: FairnessSettings) -> Result:
    reason = "No group is large enough, with a favourable decision, to compare the others with."
    return Result(
        RATIO,
        None,
        None,
        None,
        counts.n_known,
        "",
        status="insufficient",
        reason=reason,
        attribute=counts.attribute,
    )


def _concluded(result: Result, lacking: str) -> Result:
    if not lacking or result.status != "info":
        return result
    return replace(result, status="insufficient", reason=lacking)
