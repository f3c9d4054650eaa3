"""Where decisions turn out wrong: error rates by group, equal opportunity, equalized odds, predictive parity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mrm.measures.evidence import few_outcomes
from mrm.measures.fairness.comparison import Comparison, Samples, bounds, result
from mrm.measures.fairness.significance import proportions_test
from mrm.measures.groups import GroupCounts
from mrm.measures.intervals import newcombe
from mrm.measures.results import Result

# rate and what its parity is called, where it has a name
GAPS = {
    "tpr_gap": ("tpr", "equal opportunity"),
    "fpr_gap": ("fpr", "predictive equality"),
    "fnr_gap": ("fnr", ""),
    "ppv_gap": ("ppv", "predictive parity"),
    "npv_gap": ("npv", ""),
    "for_gap": ("for", ""),
    "accuracy_gap": ("accuracy", "overall accuracy equality"),
}
OF_A_GROUP = (*GAPS, "equalized_odds_gap", "average_odds_gap")
OF_AN_ATTRIBUTE = ("equal_opportunity_difference", "equalized_odds_difference")


def against(group: GroupCounts, comparison: Comparison) -> Iterator[Result]:
    """The gap of every error rate between the group and the reference; people whose outcome is not known are in none."""
    lacking = few_outcomes(group, comparison.reference, comparison.settings)
    for measure, (rate, name) in GAPS.items():
        yield _gap(measure, rate, name, group, comparison, lacking)
    yield _odds("equalized_odds_gap", "larger of the absolute gaps of TPR and FPR", _larger, group, comparison, lacking)
    yield _odds("average_odds_gap", "mean of the gaps of TPR and FPR", _mean, group, comparison, lacking)


def across(comparison: Comparison) -> Iterator[Result]:
    """The largest difference of TPR, and of TPR or FPR, between any two groups large enough."""
    floor = comparison.settings.conclude_n
    groups = [each for each in comparison.concluded if each.outcomes >= floor and each.good and each.bad]
    lacking = "" if len(groups) > 1 else "Fewer than two groups have enough known outcomes."
    places = [comparison.place(each) for each in groups]
    for measure, rates in (("equal_opportunity_difference", ("tpr",)), ("equalized_odds_difference", ("tpr", "fpr"))):
        value, samples = None, np.empty(0)
        if not lacking:
            value = largest_difference(groups, rates)
            drawn = [comparison.drawn_rate(rate)[:, places] for rate in rates]
            samples = np.maximum.reduce([each.max(axis=1) - each.min(axis=1) for each in drawn])
        said = " or ".join(rate.upper() for rate in rates)
        method = comparison.bootstrapped(f"largest difference of {said} between groups")
        people = sum(each.outcomes for each in groups)
        yield result(measure, comparison, None, value, bounds(samples), method, lacking=lacking, n=people)


def largest_difference(groups: Sequence[GroupCounts], rates: Sequence[str]) -> float:
    """Largest difference of any of the rates between two groups, each of which has people to show it."""
    values = [[each.rate(rate) or 0.0 for each in groups] for rate in rates]
    return max(max(row) - min(row) for row in values)


def _gap(measure: str, rate: str, name: str, group: GroupCounts, comparison: Comparison, lacking: str) -> Result:
    first, second = group.fraction(rate), comparison.reference.fraction(rate)
    method = (
        f"{rate.upper() if rate != 'accuracy' else rate} of the group minus that of the reference; Newcombe interval"
    )
    if not first[1] or not second[1]:
        return result(measure, comparison, group, None, (None, None), method, lacking=lacking, n=group.outcomes)
    ours, theirs = first[0] / first[1], second[0] / second[1]
    test = {} if lacking else proportions_test(first, second)
    return result(
        measure, comparison, group, ours - theirs, newcombe(first, second), method, lacking=lacking, n=first[1],
        group_rate=ours, reference_rate=theirs, denominator=first[1], ratio=ours / theirs if theirs else None,
        parity=name, **test,
    )  # fmt: skip


def _odds(
    measure: str, said: str, combined: Callable[[Samples, Samples], Samples], group: GroupCounts, comparison: Comparison, lacking: str
) -> Result:  # fmt: skip
    reference, method = comparison.reference, comparison.bootstrapped(said)
    pairs = [(group.rate(rate), reference.rate(rate)) for rate in ("tpr", "fpr")]
    gaps = [np.array(ours - theirs) for ours, theirs in pairs if ours is not None and theirs is not None]
    if len(gaps) < len(pairs):
        return result(measure, comparison, group, None, (None, None), method, lacking=lacking, n=group.outcomes)
    drawn = [comparison.drawn_rate(rate) for rate in ("tpr", "fpr")]
    mine, base = comparison.place(group), comparison.place(reference)
    samples = combined(*(each[:, mine] - each[:, base] for each in drawn))
    value = float(combined(gaps[0], gaps[1]))
    return result(measure, comparison, group, value, bounds(samples), method, lacking=lacking, n=group.outcomes)


def _larger(tpr: Samples, fpr: Samples) -> Samples:
    return np.maximum(np.abs(tpr), np.abs(fpr))


def _mean(tpr: Samples, fpr: Samples) -> Samples:
    return (tpr + fpr) / 2
