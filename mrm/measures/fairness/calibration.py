"""Whether a probability means the same in every group: ECE, slope, actual to expected, deciles.

Unless base rates are equal or the prediction is perfect, calibration within groups and equal error
rates cannot hold together (Kleinberg, Mullainathan and Raghavan 2017; Chouldechova 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mrm.measures.calibration import actual_to_expected
from mrm.measures.evidence import few_outcomes
from mrm.measures.fairness.comparison import NO_DRAWS, Comparison, bounds, result
from mrm.measures.groups import GroupCounts, Outcomes
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, wilson
from mrm.measures.results import Result

OF_EVERY_GROUP = ("group_ece", "group_calibration_slope")
OF_A_GROUP = ("ece_gap", "actual_to_expected")
DECILES = 10

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Deciles:
    """Equal-mass bins of one group: events and people, shape (bins,), and the mean probability of each."""

    events: Outcomes
    n: Outcomes
    predicted: Values

    def error(self, events: Outcomes, n: Outcomes) -> Values:
        """Expected calibration error of counts with shape (..., bins)."""
        rate = np.divide(events, n, out=np.zeros(n.shape), where=n > 0)
        return np.asarray((n * np.abs(rate - self.predicted)).sum(axis=-1) / n.sum(axis=-1))

    def rows(self) -> list[dict[str, float]]:
        """Observed against predicted, one row per bin, with Wilson intervals."""
        out = []
        for events, n, predicted in zip(self.events.tolist(), self.n.tolist(), self.predicted.tolist(), strict=True):
            low, high = wilson(events, n)
            out.append({"n": n, "predicted": predicted, "observed": events / n, "lower": low, "upper": high})
        return out


def measures(comparison: Comparison) -> Iterator[Result]:
    """ECE and slope of every group with outcomes, and the differences from the reference; scores are probabilities."""
    shown = [comparison.reference, *comparison.others]
    groups = [each for each in shown if each.outcomes >= max(1, comparison.settings.suppress_n)]
    fitted = slopes(*_stacked(groups, comparison)) if groups else []
    samples = {}
    for each, slope in zip(groups, fitted, strict=True):
        bins = deciles(comparison.tables[each.group], comparison.settings.suppress_n)
        samples[each.group] = (bins, _drawn(bins, each, comparison))
        yield _error(each, comparison, *samples[each.group])
        yield _slope(each, comparison, slope)
    for each in groups:
        if each is not comparison.reference and comparison.reference.group in samples:
            yield _gap(each, comparison, samples)
            yield _expected(each, comparison)


def deciles(table: Outcomes, least: int) -> Deciles:
    """Ten equal-mass bins of the known outcomes, or fewer, so that none has fewer than `least` people.

    `table` has shape (3, bins): outcome not known, 0, 1. People of one score bin stay together.
    """
    n, events = table[1] + table[2], table[2]
    total = int(n.sum())
    wanted = max(1, min(DECILES, total // max(1, least)))
    place = np.minimum(((n.cumsum() - n / 2) * wanted / total).astype(np.int64), wanted - 1)
    middles = (np.arange(n.size) + 0.5) / n.size
    parts: list[tuple[int, int, float]] = []
    held = (0, 0, 0.0)
    for index in range(wanted):
        mine = place == index
        held = (
            held[0] + int(events[mine].sum()),
            held[1] + int(n[mine].sum()),
            held[2] + float(n[mine] @ middles[mine]),
        )
        if held[1] >= max(1, least):
            parts.append(held)
            held = (0, 0, 0.0)
    if held[1] and parts:
        last = parts.pop()
        held = (last[0] + held[0], last[1] + held[1], last[2] + held[2])
    if held[1]:
        parts.append(held)
    hits, people, summed = zip(*parts, strict=True)
    return Deciles(np.array(hits), np.array(people), np.array(summed) / np.array(people))


def slopes(events: Outcomes, n: Outcomes) -> list[tuple[float, float] | None]:
    """Slope b and standard error of logit(y) = a + b logit(p) for every row of counts, shape (groups, bins).

    Cox (1958, Biometrika 45:562), all groups at once, p being the middle of its bin. None where
    the fit does not settle, as when the score separates the classes.
    """
    x = special.logit((np.arange(n.shape[1]) + 0.5) / n.shape[1])
    intercept, slope = np.zeros(len(n)), np.ones(len(n))
    with np.errstate(all="ignore"):
        for _ in range(30):
            fitted = special.expit(intercept[:, None] + slope[:, None] * x)
            weight = n * fitted * (1 - fitted)
            w, wx, wxx = weight.sum(axis=1), weight @ x, weight @ (x * x)
            missed = events - n * fitted
            first, second = missed.sum(axis=1), missed @ x
            det = w * wxx - wx * wx
            step = (wxx * first - wx * second) / det, (w * second - wx * first) / det
            intercept, slope = intercept + step[0], slope + step[1]
            if np.all((np.abs(step[0]) + np.abs(step[1]) < 1e-10) | ~np.isfinite(slope)):
                break
        settled = np.isfinite(slope) & (np.abs(step[0]) + np.abs(step[1]) < 1e-6) & (det > 1e-12 * w * wxx)
        errors = np.sqrt(w / det)
    return [(float(b), float(e)) if ok else None for b, e, ok in zip(slope, errors, settled, strict=True)]


def _stacked(groups: list[GroupCounts], comparison: Comparison) -> tuple[Outcomes, Outcomes]:
    tables = np.stack([comparison.tables[each.group] for each in groups])
    return tables[:, 2], tables[:, 1] + tables[:, 2]


def _drawn(bins: Deciles, group: GroupCounts, comparison: Comparison) -> Values:
    settings = comparison.settings
    draws = min(settings.draws, settings.curve_draws)
    rng = generator(settings.seed, f"ece/{comparison.counts.attribute}/{group.group}")
    drawn = bootstrap_counts(np.stack([bins.events, bins.n - bins.events], axis=1), draws, rng)
    return bins.error(drawn[:, :, 0], drawn.sum(axis=2))


def _made(samples: Values) -> str:
    return f"percentile bootstrap of bin by outcome, {samples.size:,} draws" if samples.size else NO_DRAWS


def _error(group: GroupCounts, comparison: Comparison, bins: Deciles, samples: Values) -> Result:
    lacking = few_outcomes(group, None, comparison.settings)
    method = f"expected calibration error over {bins.n.size} equal-mass bins; {_made(samples)}"
    value = float(bins.error(bins.events, bins.n))
    return result("group_ece", comparison, group, value, bounds(samples), method, lacking=lacking, n=group.outcomes, bins=bins.rows())  # fmt: skip


def _slope(group: GroupCounts, comparison: Comparison, fitted: tuple[float, float] | None) -> Result:
    lacking = few_outcomes(group, None, comparison.settings)
    method = "slope of the logistic recalibration on binned scores; Wald interval"
    if fitted is None:
        said = lacking or "The recalibration has no solution: the score separates the outcomes."
        return result("group_calibration_slope", comparison, group, None, (None, None), method, lacking=said, n=group.outcomes)  # fmt: skip
    half = normal_quantile() * fitted[1]
    interval = (fitted[0] - half, fitted[0] + half)
    return result("group_calibration_slope", comparison, group, fitted[0], interval, method, lacking=lacking, n=group.outcomes)  # fmt: skip


def _gap(group: GroupCounts, comparison: Comparison, samples: dict[str, tuple[Deciles, Values]]) -> Result:
    reference = comparison.reference
    (mine, my_draws), (theirs, their_draws) = samples[group.group], samples[reference.group]
    value = float(mine.error(mine.events, mine.n) - theirs.error(theirs.events, theirs.n))
    lacking = few_outcomes(group, reference, comparison.settings)
    method = f"expected calibration error of the group minus that of the reference; {_made(my_draws)}"
    return result("ece_gap", comparison, group, value, bounds(my_draws - their_draws), method, lacking=lacking, n=group.outcomes)  # fmt: skip


def _expected(group: GroupCounts, comparison: Comparison) -> Result:
    scores = group.outcome_scores
    mean = comparison.summary.mean_and_variance(scores)[0]
    found = actual_to_expected(group.events, scores.n, mean * scores.n)
    lacking = few_outcomes(group, None, comparison.settings)
    if found is None:
        return result("actual_to_expected", comparison, group, None, (None, None), "", lacking=lacking or "Nothing was expected.")  # fmt: skip
    return result("actual_to_expected", comparison, group, found.value, (found.lower, found.upper), found.method, lacking=lacking)  # fmt: skip
