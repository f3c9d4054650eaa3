"""Who is decided favourably: rates, impact ratio, difference, shortfall, odds, demographic parity."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from mrm.measures.evidence import FairnessSettings, shortage
from mrm.measures.fairness.comparison import UNKNOWN, Bounds, Comparison, bounds, result, withheld
from mrm.measures.fairness.significance import proportions_test
from mrm.measures.groups import AttributeCounts, GroupCounts
from mrm.measures.intervals import homogeneity, newcombe, normal_quantile, wilson
from mrm.measures.results import Result

RATIO = "air"
OF_A_GROUP = (RATIO, "selection_rate_difference", "shortfall", "odds_ratio")
OF_AN_ATTRIBUTE = ("selection_rate_homogeneity", "demographic_parity_difference", "demographic_parity_ratio")


def impact_ratio(group: GroupCounts, reference: GroupCounts) -> float:
    """Selection rate of the group over that of the reference, from whole numbers so 0.8 is 0.8."""
    return (group.favourable * reference.n) / (group.n * reference.favourable)


def rates(
    counts: AttributeCounts,
    reference: GroupCounts | None,
    settings: FairnessSettings,
    hidden: frozenset[str | None] = frozenset(),
) -> Iterator[Result]:
    """The selection rate of every group, and of people whose group is not known, with Wilson intervals."""
    for group in (*counts.known, counts.unknown):
        if group is None or group.n == 0:
            continue
        unknown = group is counts.unknown
        if (None if unknown else group.group) in hidden:
            yield withheld("selection_rate", counts, group, settings)
            continue
        share = {} if unknown else {"share": counts.share(group)}
        yield Result(
            "selection_rate",
            group.selection_rate,
            *wilson(group.favourable, group.n),
            group.n,
            "favourable decisions over people; Wilson interval",
            reason="The group is not known; counted here and in no rate of a group." if unknown else "",
            attribute=counts.attribute,
            group=group.group or UNKNOWN,
            reference=reference.group if reference else "",
            detail={"favourable": group.favourable, "is_reference": group is reference, **share},
        )


def against(group: GroupCounts, comparison: Comparison) -> Iterator[Result]:
    """Ratio, difference, shortfall and odds ratio of one group against the reference."""
    reference = comparison.reference
    lacking = shortage(group, reference, comparison.settings)
    theirs, ours = (group.favourable, group.n), (reference.favourable, reference.n)
    yield _ratio(group, comparison, lacking)
    yield result(
        "selection_rate_difference",
        comparison,
        group,
        group.selection_rate - reference.selection_rate,
        newcombe(theirs, ours),
        "difference of selection rates; Newcombe interval",
        lacking=lacking,
    )
    low, high = newcombe(ours, theirs)
    yield result(
        "shortfall",
        comparison,
        group,
        (reference.selection_rate - group.selection_rate) * group.n,
        (low * group.n, high * group.n),
        "people, difference of rates times group size; Newcombe interval",
        lacking=lacking,
    )
    value, interval = odds_ratio(theirs, ours)
    made = "logit interval" if interval[0] is not None else "no interval: one of the four counts is 0"
    yield result(
        "odds_ratio", comparison, group, value, interval, f"odds of a favourable decision; {made}", lacking=lacking
    )


def across(comparison: Comparison) -> Iterator[Result]:
    """Equality of rates over all groups, and the distance between the highest and the lowest rate."""
    groups = comparison.concluded
    people, lacking, names = sum(each.n for each in groups), "Fewer than two groups are large enough.", {}
    gap: float | None = None
    ratio: float | None = None
    samples = np.empty((2, 0))
    yield _homogeneity(comparison)
    if len(groups) > 1:
        lacking, (gap, ratio) = "", parity(groups)
        ranked = sorted(groups, key=lambda g: (g.selection_rate, g.group))
        names = {"lowest": ranked[0].group, "highest": ranked[-1].group}
        drawn = comparison.drawn_rate("selection")[:, [comparison.place(each) for each in groups]]
        lowest, highest = drawn.min(axis=1), drawn.max(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            samples = np.stack([highest - lowest, lowest / highest])
    for place, (measure, value, said) in enumerate(
        (
            ("demographic_parity_difference", gap, "highest minus lowest selection rate"),
            ("demographic_parity_ratio", ratio, "lowest over highest selection rate"),
        )
    ):
        method = comparison.bootstrapped(said)
        yield result(
            measure, comparison, None, value, bounds(samples[place]), method, lacking=lacking, n=people, **names
        )


def parity(groups: Sequence[GroupCounts]) -> tuple[float, float | None]:
    """Highest minus lowest, and lowest over highest selection rate; the latter None if nobody is favoured."""
    ranked = sorted(groups, key=lambda g: g.selection_rate)
    ratio = impact_ratio(ranked[0], ranked[-1]) if ranked[-1].favourable else None
    return ranked[-1].selection_rate - ranked[0].selection_rate, ratio


def odds_ratio(first: tuple[int, int], second: tuple[int, int]) -> tuple[float | None, Bounds]:
    """Odds ratio of two proportions given as (successes, n), with the logit interval of Woolf (1955).

    None where a division by 0 would be needed.
    """
    (a, n), (b, m) = first, second
    if not (n - a) * b:
        return None, (None, None)
    value = a * (m - b) / ((n - a) * b)
    if not a * (m - b):
        return value, (None, None)
    half = normal_quantile() * math.sqrt(1 / a + 1 / (n - a) + 1 / b + 1 / (m - b))
    return value, (value * math.exp(-half), value * math.exp(half))


def _ratio(group: GroupCounts, comparison: Comparison, lacking: str) -> Result:
    reference, settings = comparison.reference, comparison.settings
    theirs, ours = (group.favourable, group.n), (reference.favourable, reference.n)
    drawn = comparison.drawn_rate("selection")
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = drawn[:, comparison.place(group)] / drawn[:, comparison.place(reference)]
    value: float | None = impact_ratio(group, reference)
    interval, status, reason = bounds(samples), "insufficient" if lacking else "info", lacking
    share = comparison.counts.share(group)
    if settings.exclude_from_ratio and share < settings.exclude_share:
        reason = (
            f"{share:.1%} of those whose group is known, under {settings.exclude_share:.0%}; rate listed, ratio not."
        )
        value, interval, status = None, (None, None), "not_applicable"
    no_test = {"test": None, "statistic": None, "p": None, "p_adjusted": None}
    return Result(
        RATIO, value, *interval, group.n, comparison.bootstrapped("ratio of selection rates"), status=status,
        reason=reason, attribute=comparison.counts.attribute, group=group.group, reference=reference.group,
        detail={
            "favourable": group.favourable,
            "reference_n": reference.n,
            "reference_favourable": reference.favourable,
            **(no_test if reason else proportions_test(theirs, ours)),
        },
    )  # fmt: skip


def _homogeneity(comparison: Comparison) -> Result:
    groups = comparison.concluded
    method, people = (
        "Pearson chi-square over groups large enough; no interval: a test statistic",
        sum(g.n for g in groups),
    )
    try:
        statistic, dof, p = homogeneity([g.favourable for g in groups], [g.n for g in groups])
    except ValueError as error:
        return result("selection_rate_homogeneity", comparison, None, None, (None, None), method, lacking=str(error), n=people)  # fmt: skip
    return result("selection_rate_homogeneity", comparison, None, statistic, (None, None), method, n=people, degrees_of_freedom=dof, p=p)  # fmt: skip
