"""The search for a less discriminatory alternative: every candidate judged, the front drawn, the choice with its reason.

What may be given up is set before the search and stands in its digest. Nothing that was tried is
left out of the answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrm.measures.discrimination import auc
from mrm.measures.evidence import FairnessSettings, shortage
from mrm.measures.fairness.candidates import Change, Fit, Labels, Sample, Score, Space, Values, changes
from mrm.measures.fairness.intersections import ratio_interval
from mrm.measures.fairness.selection import impact_ratio
from mrm.measures.groups import by_group, reference_group
from mrm.measures.intervals import normal_quantile, wilson
from mrm.measures.results import plain
from mrm.measures.tables import from_counts

PERFORMANCE = ("auc", "balanced_accuracy", "profit", "approval_rate")
Decisions = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rules:
    """What is decided, what counts as better, and what may be given up; fixed before anything is fitted.

    A decision is favourable if the score is "below" or "at_or_above" the cut-off. `tolerances` maps
    a measure of `PERFORMANCE` to the loss that is accepted, the first being the one drawn; for the
    approval rate it is a change in either direction. Candidates are compared at the approval rate
    of the baseline, or at its cut-off if `hold` is "cutoff". `profit` is earned with a favourable
    decision that turns out right, `loss` lost with one that does not.
    """

    cutoff: float
    favourable: str
    tolerances: Mapping[str, float]
    hold: str = "approval_rate"
    profit: float = 1.0
    loss: float = 5.0
    settings: FairnessSettings = field(default_factory=FairnessSettings)

    def __post_init__(self) -> None:
        strange = sorted(set(self.tolerances) - set(PERFORMANCE))
        if strange or not self.tolerances:
            raise ValueError(f"A tolerance is set for one or more of {', '.join(PERFORMANCE)}.")
        if any(not value >= 0 for value in self.tolerances.values()):
            raise ValueError("A tolerance is 0 or more.")
        if self.favourable not in ("below", "at_or_above"):
            raise ValueError('The favourable side is "below" or "at_or_above" the cut-off.')
        if self.hold not in ("approval_rate", "cutoff"):
            raise ValueError('Candidates are held at the baseline\'s "approval_rate" or its "cutoff".')

    @property
    def primary(self) -> str:
        return next(iter(self.tolerances))

    def decide(self, scores: Values, cutoff: float) -> Decisions:
        """Who is decided favourably."""
        return np.asarray(scores < cutoff if self.favourable == "below" else scores >= cutoff)

    def right(self, labels: Labels) -> Decisions:
        """For whom the favourable decision is right."""
        return np.asarray(labels == (1 if self.favourable == "at_or_above" else 0))


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval, or none, and the number of rows behind it."""

    value: float
    lower: float | None
    upper: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model tried, or one that could not be: then `performance` and `ratios` are empty and `reason` says why.

    `ratios` maps "attribute: group" to the impact ratio; `lowest` is the smallest of those whose
    groups are large enough to conclude from.
    """

    number: int
    kind: str
    said: str
    features: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cutoff: float | None = None
    performance: Mapping[str, Figure] = field(default_factory=dict)
    ratios: Mapping[str, Figure] = field(default_factory=dict)
    lowest: float | None = None
    within: bool = False
    on_front: bool = False
    chosen: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """Every candidate in the order tried, the number of the one chosen, and what was set before.

    `confirmed` judges the chosen one on rows that neither fitted nor chose it.
    """

    candidates: tuple[Candidate, ...]
    chosen: int
    reason: str
    rules: dict[str, Any]
    rules_digest: str
    seed: int
    rows: int
    confirmed: Candidate | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(plain(asdict(self)))


def search(
    fit: Fit, train: Sample, judged: Sample, space: Space, rules: Rules, *, parameters: Mapping[str, Any] | None = None,
    confirm: Sample | None = None, seed: int = 0, progress: Callable[[int], None] | None = None, own: Score | None = None,
) -> Search:  # fmt: skip
    """Fit every candidate on `train`, judge it on `judged`, and propose the least discriminatory within tolerance.

    `fit(features, labels, weights, parameters)` gives a function from features to scores; `seed` is
    the one it was made with, for the record. The choice among many looks better than it is; `confirm` are rows to judge the chosen one on again.
    `own` gives the scores of the model that alternatives are looked for, where it is not of the kind that `fit` makes.
    """
    tried: list[Candidate] = []
    kept: dict[int, tuple[Change, float]] = {}
    share = 0.0
    for number, change in enumerate(changes(fit, train, space, parameters or {}, own)):
        if isinstance(change, str):
            tried.append(Candidate(number, "not fitted", change, reason=change))
            continue
        scores = change.score(train.features)
        if not tried:
            share = float(rules.decide(scores, rules.cutoff).mean())
        cutoff = _cutoff(change, scores, share, rules)
        kept[number] = (change, cutoff)
        tried.append(_judge(number, change, cutoff, judged, rules))
        if progress is not None:
            progress(number + 1)
    candidates = _marked(tried, rules)
    best = _best(candidates)
    told = tuple(replace(each, chosen=each.number == best.number, reason=each.reason or _why(each, best, candidates[0], rules)) for each in candidates)  # fmt: skip
    again = None if confirm is None else _judge(best.number, *kept[best.number], confirm, rules)
    stated = {**plain(asdict(rules)), "primary": rules.primary}
    digest = hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()
    return Search(told, best.number, told[best.number].reason, stated, digest, seed, len(judged.labels), again)


def choose(found: Search, number: int, reason: str) -> Search:
    """The search with another candidate chosen; the one proposed keeps the reason why it was.

    Raises ValueError without a reason, and for a candidate that there is not or that was not fitted.
    """
    if not reason.strip():
        raise ValueError("A choice other than the one proposed needs a reason.")
    if not 0 <= number < len(found.candidates) or not found.candidates[number].performance:
        raise ValueError(
            f"There is no candidate {number} with results; they are numbered 0 to {len(found.candidates) - 1}."
        )
    marked = tuple(
        replace(each, chosen=each.number == number, reason=reason if each.number == number else each.reason)
        for each in found.candidates
    )
    return replace(found, candidates=marked, chosen=number, reason=reason, confirmed=None)


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Which points no other beats: at least as high in both, and higher in one."""
    return [
        not any(a >= x and b >= y and (a > x or b > y) for a, b in points)
        for x, y in points
    ]  # fmt: skip


def _cutoff(change: Change, scores: Values, share: float, rules: Rules) -> float:
    """The candidate's own cut-off, the baseline's, or the one that approves as many of the training rows."""
    if change.cutoff is not None:
        return change.cutoff
    if rules.hold == "cutoff" or change.kind == "baseline":
        return rules.cutoff
    ordered = np.sort(scores)
    if rules.favourable == "below":
        approved = round(share * len(scores))
        return float(ordered[approved]) if approved < len(scores) else float(np.nextafter(ordered[-1], np.inf))
    refused = round((1 - share) * len(scores))
    return float(ordered[refused]) if refused < len(scores) else float(np.nextafter(ordered[-1], np.inf))


def _judge(number: int, change: Change, cutoff: float, sample: Sample, rules: Rules) -> Candidate:
    scores = np.asarray(change.score(sample.features), dtype=np.float64)
    if scores.shape != sample.labels.shape or not np.isfinite(scores).all():
        said = f"{change.said} Its scores are not one finite number per row."
        return Candidate(number, "not fitted", said, reason=said)
    decisions = rules.decide(scores, cutoff)
    performance = {name: _performance(name, scores, decisions, sample.labels, rules) for name in rules.tolerances}
    ratios, lowest = _ratios(decisions, sample, rules.settings)
    return Candidate(
        number, change.kind, change.said, change.features, dict(change.parameters), cutoff, performance, ratios, lowest
    )


def _performance(name: str, scores: Values, decisions: Decisions, labels: Labels, rules: Rules) -> Figure:
    n, right = len(labels), rules.right(labels)
    if name == "auc":
        found = auc(labels, scores)
        return Figure(found.value, found.lower, found.upper, n)
    if name == "approval_rate":
        return Figure(float(decisions.mean()), *wilson(int(decisions.sum()), n), n)
    if name == "balanced_accuracy":
        rates = [float(decisions[right].mean()), float(1 - decisions[~right].mean())]
        sizes = [int(right.sum()), int((~right).sum())]
        spread = sum(rate * (1 - rate) / size for rate, size in zip(rates, sizes, strict=True)) / 4
        return _normal(sum(rates) / 2, spread, n)
    gains = np.where(decisions, np.where(right, rules.profit, -rules.loss), 0.0)
    return _normal(float(gains.mean()), float(gains.var(ddof=1)) / n, n)


def _normal(value: float, variance: float, n: int) -> Figure:
    half = normal_quantile() * variance**0.5
    return Figure(value, value - half, value + half, n)


def _ratios(decisions: Decisions, sample: Sample, settings: FairnessSettings) -> tuple[dict[str, Figure], float | None]:
    """Impact ratio of every group large enough to conclude from, and the lowest."""
    out: dict[str, Figure] = {}
    for attribute, groups in sample.groups.items():
        names = sorted({each for each in groups if each is not None})
        counted = {name: (int(decisions[groups == name].sum()), int((groups == name).sum())) for name in names}
        counts = by_group(from_counts(attribute, counted), (attribute,))
        reference = reference_group(counts, settings.references.get(attribute), settings.exclude_share)
        for group in counts.known if reference is not None else ():
            if reference is None or group is reference or shortage(group, reference, settings):
                continue
            ends = ratio_interval(group, reference, 0.95)
            out[f"{attribute}: {group.group}"] = Figure(impact_ratio(group, reference), *ends, group.n)
    return out, min((each.value for each in out.values()), default=None)


def _marked(tried: list[Candidate], rules: Rules) -> list[Candidate]:
    """Who stays within the tolerances, and who lies on the front of performance and lowest ratio."""
    baseline = tried[0]
    fitted = [each for each in tried if each.performance and each.lowest is not None]
    front = pareto([(each.performance[rules.primary].value, each.lowest or 0.0) for each in fitted])
    leading = {each.number for each, leads in zip(fitted, front, strict=True) if leads}
    return [
        replace(each, within=bool(each.performance) and not _given_up(each, baseline, rules), on_front=each.number in leading)
        for each in tried
    ]  # fmt: skip


def _given_up(each: Candidate, baseline: Candidate, rules: Rules) -> str:
    """What the candidate loses beyond a tolerance, as a sentence, or nothing."""
    for name, tolerance in rules.tolerances.items():
        change = each.performance[name].value - baseline.performance[name].value
        lost = abs(change) if name == "approval_rate" else -change
        if lost > tolerance:
            said = name.replace("_", " ")
            return f"The {said} {'changes' if name == 'approval_rate' else 'falls'} by {lost:.4f}, more than the {tolerance:g} set before the search."
    return ""


def _best(candidates: Sequence[Candidate]) -> Candidate:
    """The highest lowest ratio within the tolerances; among equals the one tried first, the baseline before all."""
    open_ = [each for each in candidates if each.within and each.lowest is not None]
    return max(open_, key=lambda each: (each.lowest or 0.0, -each.number), default=candidates[0])


def _why(each: Candidate, best: Candidate, baseline: Candidate, rules: Rules) -> str:
    if each.lowest is None:
        return "No group is large enough to compare."
    if each.number == best.number:
        if each.number == baseline.number:
            return "No candidate within the tolerances has a higher ratio."
        return f"The highest lowest ratio within the tolerances, {each.lowest:.3f} against {baseline.lowest or 0.0:.3f} of the baseline."
    if lost := _given_up(each, baseline, rules):
        return lost
    if each.number == baseline.number:
        return f"Candidate {best.number} is less discriminatory within the tolerances."
    if each.lowest <= (baseline.lowest or 0.0):
        return f"Not less discriminatory: the lowest ratio is {each.lowest:.3f}, that of the baseline {baseline.lowest or 0.0:.3f}."
    return f"Candidate {best.number} has a higher lowest ratio, {best.lowest or 0.0:.3f} against {each.lowest:.3f}."
