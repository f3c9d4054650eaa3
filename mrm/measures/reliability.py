"""What a probability's error is made of: Murphy's parts, the largest gap, calibration in the large.

The parts are functions of a `ReliabilityTable`: rows, events and sums of the probability by group. ReliabilityTable of
equal edges add up, so batches merge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mrm.measures.calibration import LOGIT_CLIP
from mrm.measures.checks import Labels, Scores, binary, same_length, within
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, of_distance, percentile

DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class ReliabilityTable:
    """By group of the probability, all (groups,): rows, events, sum of p, of p² and of p over events."""

    n: Labels
    events: Labels
    total: Scores
    squares: Scores
    hits: Scores

    def __add__(self, other: ReliabilityTable) -> ReliabilityTable:
        if self.n.size != other.n.size:
            raise ValueError(
                "ReliabilityTable of different edges cannot be merged; group both batches by the same edges."
            )
        return ReliabilityTable(
            self.n + other.n,
            self.events + other.events,
            self.total + other.total,
            self.squares + other.squares,
            self.hits + other.hits,
        )


@dataclass(frozen=True, slots=True)
class Murphy:
    """Brier score = reliability - resolution + uncertainty + within; each in units of the Brier score.

    `within` is what the spread of probabilities inside the groups adds; it is zero if every group
    holds one probability.
    """

    reliability: Estimate
    resolution: Estimate
    uncertainty: Estimate
    within: Estimate
    brier: float


def equal_mass_edges(scores: Scores, groups: int = 20) -> Scores:
    """Upper edges of groups of near-equal size, at most (groups,), the last one 1; to be kept for later batches."""
    edges = np.quantile(within(scores, "score", 0, 1), np.arange(1, groups) / groups, method="inverted_cdf")
    return np.unique(np.r_[edges, 1.0])


def summarise(labels: Labels, scores: Scores, edges: Scores) -> ReliabilityTable:
    """Group probabilities by upper `edges`; shapes (n,), (n,), (groups,).

    Raises ValueError on labels other than 0 and 1 and scores outside 0 to 1.
    """
    y, p = binary(labels), within(scores, "score", 0, 1)
    same_length(label=y, score=p)
    place = np.searchsorted(edges, p)

    def sums(weights: Scores) -> Scores:
        return np.bincount(place, weights=weights, minlength=edges.size).astype(np.float64)

    n = np.bincount(place, minlength=edges.size).astype(np.int64)
    return ReliabilityTable(n, sums(y.astype(np.float64)).astype(np.int64), sums(p), sums(p * p), sums(p * y))


def merge(first: ReliabilityTable, second: ReliabilityTable) -> ReliabilityTable:
    """The bands of both batches together. Raises ValueError if the edges differ in number."""
    return first + second


def murphy(bands: ReliabilityTable, seed: int = 0, draws: int = DRAWS) -> Murphy:
    """Parts of the Brier score (Murphy 1973, J. Appl. Meteorol. 12:595).

    The part within groups after Stephenson, Coelho and Jolliffe (2008, Weather and Forecasting
    23:752). Intervals: percentile bootstrap of group by outcome, the groups' mean probabilities held.
    """
    n, mean = bands.n.sum(), _mean(bands)
    drawn = bootstrap_counts(_counts(bands), draws, generator(seed, "murphy"))
    values, samples = _parts(_counts(bands)[None], mean)[:, 0], _parts(drawn, mean)
    held = bands.n > 0
    ratio = np.where(held, bands.hits - bands.events * mean, 0)
    spread = np.where(held, bands.squares - bands.n * mean**2, 0)
    inside = float((spread.sum() - 2 * ratio.sum()) / n)
    reliability, resolution, uncertainty = (
        _estimate(values[place], samples[place], bands, draws, name)
        for place, name in enumerate(("reliability", "resolution", "uncertainty"))
    )
    reason = "It is what remains of the Brier score, and follows from the grouping."
    within_groups = Estimate(inside, None, None, "variance less twice covariance within groups", int(n), reason)
    return Murphy(
        reliability, resolution, uncertainty, within_groups, float(values[0] - values[1] + values[2]) + inside
    )


def mce(bands: ReliabilityTable, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Largest gap of observed rate and mean probability among the groups (Naeini, Cooper and Hauskrecht 2015, AAAI).

    It is above zero in any sample and grows with the number of groups.
    """
    mean = _mean(bands)
    drawn = bootstrap_counts(_counts(bands), draws, generator(seed, "mce"))
    value = float(_largest(_counts(bands)[None], mean)[0])
    low, high = of_distance(value, _largest(drawn, mean))
    method = f"largest gap, {int((bands.n > 0).sum())} groups; bootstrap, lower bound reflected, {draws:,} draws"
    return Estimate(value, low, high, method, int(bands.n.sum()))


def calibration_in_the_large(labels: Labels, scores: Scores) -> Estimate | None:
    """Shift a in logit(y) = a + logit(p), the slope held at 1; Wald interval (Cox 1958, Biometrika 45:562).

    Probabilities are kept within 1e-6 of 0 and 1. None if all outcomes are alike.
    """
    y, p = binary(labels), within(scores, "score", 0, 1)
    n = same_length(label=y, score=p)
    if y.sum() in (0, n):
        return None
    x, a = special.logit(np.clip(p, LOGIT_CLIP, 1 - LOGIT_CLIP)), 0.0
    for _ in range(100):
        fitted = special.expit(a + x)
        information = float((fitted * (1 - fitted)).sum())
        step = float((y - fitted).sum()) / information
        a += max(-1.0, min(1.0, step))
        if abs(step) < 1e-10:
            break
    half = normal_quantile() / information**0.5
    return Estimate(a, a - half, a + half, "logistic intercept, slope held at 1; Wald interval", n)


def mean_error(labels: Labels, scores: Scores) -> Estimate:
    """Mean probability less observed rate, with a normal interval of the paired differences."""
    y, p = binary(labels), within(scores, "score", 0, 1)
    n, difference = same_length(label=y, score=p), p - y
    value = float(difference.mean())
    if n < 2:
        return Estimate(value, None, None, "mean probability less rate", n, "One row has no spread.")
    half = normal_quantile() * float(difference.std(ddof=1)) / n**0.5
    return Estimate(value, value - half, value + half, "mean probability less rate; normal interval", n)


def _counts(bands: ReliabilityTable) -> NDArray[np.int64]:
    return np.stack([bands.events, bands.n - bands.events], axis=1)


def _mean(bands: ReliabilityTable) -> Scores:
    return np.asarray(np.divide(bands.total, bands.n, out=np.zeros(bands.n.size), where=bands.n > 0))


def _rates(counts: NDArray[np.int64]) -> tuple[Scores, Scores]:
    n = counts.sum(axis=2)
    return n.astype(np.float64), np.divide(counts[:, :, 0], n, out=np.zeros(n.shape), where=n > 0)


def _parts(counts: NDArray[np.int64], mean: Scores) -> Scores:
    """Reliability, resolution and uncertainty of each table; (draws, groups, 2) to (3, draws)."""
    n, rate = _rates(counts)
    total, base = n.sum(axis=1), counts[:, :, 0].sum(axis=1) / n.sum(axis=1)
    reliability = (n * (rate - mean) ** 2).sum(axis=1) / total
    resolution = (n * (rate - base[:, None]) ** 2).sum(axis=1) / total
    return np.stack([reliability, resolution, base * (1 - base)])


def _largest(counts: NDArray[np.int64], mean: Scores) -> Scores:
    n, rate = _rates(counts)
    return np.asarray(np.where(n > 0, np.abs(rate - mean), 0).max(axis=1))


def _estimate(value: float, samples: Scores, bands: ReliabilityTable, draws: int, name: str) -> Estimate:
    low, high = percentile(samples)
    method = f"{name}, {int((bands.n > 0).sum())} groups; percentile bootstrap, {draws:,} draws"
    return Estimate(float(value), low, high, method, int(bands.n.sum()))
