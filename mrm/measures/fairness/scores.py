"""Where the scores of groups lie: standardised mean differences of score and residual, and the scoring rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mrm.measures.evidence import few_outcomes, few_people
from mrm.measures.fairness.comparison import Comparison, bounds, result
from mrm.measures.fairness.significance import normal_p
from mrm.measures.groups import GroupCounts, Outcomes
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, wilson
from mrm.measures.results import Result
from mrm.measures.tables import Cell, Summary

OF_A_GROUP = ("smd", "residual_smd", "scoring_rate_ratio")
OF_EVERY_GROUP = ("scoring_rate",)

Moments = tuple[float, float, int]


def against(group: GroupCounts, comparison: Comparison) -> Iterator[Result]:
    """Standardised difference of mean scores and, for probabilities, of mean residuals (outcome minus score)."""
    summary, reference = comparison.summary, comparison.reference
    everybody = [*comparison.counts.known, *([comparison.counts.unknown] if comparison.counts.unknown else [])]
    moments = [(*summary.mean_and_variance(each.scores), each.n) for each in (group, reference)]
    total = sum((each.scores for each in everybody), Cell(0, 0, 0))
    lacking = few_people(group, reference, comparison.settings)
    yield _standardised("smd", "scores", group, comparison, moments, summary.mean_and_variance(total)[1], lacking)
    if summary.spec.is_probability and group.outcomes and reference.outcomes:
        residuals = [_residuals([each], summary) for each in (group, reference)]
        spread = _residuals(everybody, summary)[1]
        lacking = few_outcomes(group, reference, comparison.settings)
        yield _standardised("residual_smd", "residuals", group, comparison, residuals, spread, lacking)


def scoring_rates(comparison: Comparison) -> Iterator[Result]:
    """Share of each group whose score is on the favourable side of everybody's median, and its ratio to the highest.

    The scoring rate of 6 RCNY 5-300 and 5-301(c). The median is taken over the full sample, people
    whose group is not known included; it is known to one score bin, whose people are not counted
    as beyond it.
    """
    summary, counts = comparison.summary, comparison.counts
    everybody = towards_unfavourable(summary.histogram(), summary)
    middle = int(np.searchsorted(everybody.cumsum(), everybody.sum() / 2))
    shown = [each for each in counts.known if each.group not in comparison.withheld]
    beyond = {}
    for each in shown:
        bins = towards_unfavourable(comparison.tables[each.group].sum(axis=0), summary)
        beyond[each.group] = (int(bins[:middle].sum()), int(bins[middle]))
    width = (summary.spec.high - summary.spec.low) / summary.spec.bins
    made = f"share on the favourable side of the full sample's median, which is known to {width:g}; Wilson interval"
    for each in shown:
        count, tied = beyond[each.group]
        interval = wilson(count, each.n)
        yield result("scoring_rate", comparison, each, count / each.n, interval, made, beyond=count, at_median=tied)
    best = _best(comparison, {name: count for name, (count, _) in beyond.items()})
    for each in shown:
        if best is not None and each is not best:
            yield _scoring_ratio(each, best, beyond[each.group][0], beyond[best.group][0], comparison)


def towards_unfavourable(bins: Outcomes, summary: Summary) -> Outcomes:
    """Score bins ordered from the most to the least favourable, along the last axis."""
    return bins if summary.spec.favourable == "below" else bins[..., ::-1]


def _best(comparison: Comparison, beyond: dict[str, int]) -> GroupCounts | None:
    """The named reference, or the group with the highest scoring rate among those with enough share."""
    counts, settings = comparison.counts, comparison.settings
    if counts.attribute in settings.references:
        return comparison.reference if beyond[comparison.reference.group] else None
    large = [g for g in counts.known if g.group in beyond and counts.share(g) >= settings.exclude_share]
    found = max(large, key=lambda g: (beyond[g.group] / g.n, g.n, g.group), default=None)
    return found if found is not None and beyond[found.group] else None


def _scoring_ratio(group: GroupCounts, best: GroupCounts, mine: int, theirs: int, comparison: Comparison) -> Result:
    settings = comparison.settings
    rng = generator(settings.seed, f"scoring/{comparison.counts.attribute}/{group.group}")
    table = np.array([[mine, group.n - mine], [theirs, best.n - theirs]])
    drawn = bootstrap_counts(table, comparison.draws, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = drawn[:, :, 0] / drawn.sum(axis=2)
        samples = rates[:, 0] / rates[:, 1]
    return result(
        "scoring_rate_ratio", comparison, group, mine * best.n / (group.n * theirs), bounds(samples),
        comparison.bootstrapped("ratio of scoring rates"), lacking=few_people(group, best, settings),
        highest=best.group,
    )  # fmt: skip


def _residuals(groups: list[GroupCounts], summary: Summary) -> Moments:
    """Mean, sample variance (ddof 1) and number of outcome minus score; exact, from sums."""
    n, events = sum(each.outcomes for each in groups), sum(each.events for each in groups)
    known = sum((each.outcome_scores for each in groups), Cell(0, 0, 0))
    hit = sum((each.event_scores for each in groups), Cell(0, 0, 0))
    mean_score, spread = summary.mean_and_variance(known)
    hit_sum = summary.mean_and_variance(hit)[0] * hit.n if hit.n else 0.0
    mean = events / n - mean_score
    squares = events - 2 * hit_sum + spread * (n - 1) + n * mean_score**2
    return mean, max(0.0, (squares - n * mean * mean) / (n - 1)) if n > 1 else 0.0, n


def _standardised(
    measure: str, what: str, group: GroupCounts, comparison: Comparison, moments: list[Moments], spread: float, lacking: str
) -> Result:  # fmt: skip
    """100 (mean of group - mean of reference) / standard deviation of everybody (ddof 1)."""
    (mine, my_spread, n), (theirs, their_spread, m) = moments
    method = f"100 × difference of mean {what} over the standard deviation of all; normal interval"
    if spread == 0:
        equal = result(measure, comparison, group, None, (None, None), method, lacking=f"All {what} are equal.")
        return replace(equal, status="not_applicable")
    value = 100 * (mine - theirs) / spread**0.5
    error = 100 * (my_spread / n + their_spread / m) ** 0.5 / spread**0.5
    half = normal_quantile() * error
    test = {"p": normal_p(value / error), "p_adjusted": None} if error and not lacking else {}
    name = "score" if what == "scores" else "residual"
    return result(
        measure, comparison, group, value, (value - half, value + half), method, lacking=lacking, n=n,
        **{f"mean_{name}": mine, f"reference_mean_{name}": theirs}, **test,
    )  # fmt: skip
