"""How well a score ranks: AUC, Gini, Kolmogorov-Smirnov."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, percentile

Labels = NDArray[np.int64]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its 95 % interval (None if it has none) and how both were made."""

    value: float
    lower: float | None
    upper: float | None
    method: str


def auc(labels: Labels, scores: Scores, confidence: float = 0.95) -> Estimate:
    """Area under the ROC curve, ties counted half; shapes (n,), both classes present.

    Interval after DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44:837) with the midranks of
    Sun and Xu (2014, IEEE SPL 21:1389), cut to [0, 1].
    """
    positive, negative = scores[labels == 1], scores[labels == 0]
    m, n = positive.size, negative.size
    ranks = stats.rankdata(np.concatenate([positive, negative]))
    value = (ranks[:m].sum() - m * (m + 1) / 2) / (m * n)
    above = (ranks[:m] - stats.rankdata(positive)) / n
    below = 1 - (ranks[m:] - stats.rankdata(negative)) / m
    if m < 2 or n < 2:
        return Estimate(float(value), None, None, "midranks; no interval with a single case")
    error = np.sqrt(above.var(ddof=1) / m + below.var(ddof=1) / n)
    half = normal_quantile(confidence) * error
    return Estimate(float(value), float(max(0, value - half)), float(min(1, value + half)), "midranks; DeLong interval")


def gini(area: Estimate) -> Estimate:
    """Gini or accuracy ratio, 2 AUC - 1, with the interval of the AUC carried over (Basel WP14)."""
    lower, upper = (None if bound is None else 2 * bound - 1 for bound in (area.lower, area.upper))
    return Estimate(2 * area.value - 1, lower, upper, f"2 AUC - 1; {area.method}")


def ks(labels: Labels, scores: Scores, seed: int, draws: int = 2_000) -> Estimate:
    """Largest distance between the score distributions of the two classes.

    The value is exact. The interval is a percentile bootstrap on at most 1,000 quantile bins of
    the score, a multinomial draw on bin by label.
    """
    value = stats.ks_2samp(scores[labels == 1], scores[labels == 0], method="asymp").statistic
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, 1_001)))
    place = np.searchsorted(edges, scores, side="right") - 1
    counts = np.zeros((2, edges.size), dtype=np.int64)
    np.add.at(counts, (labels, place), 1)
    samples = _ks_samples(counts, draws, generator(seed, "ks"))
    low, high = percentile(samples)
    return Estimate(float(value), low, high, f"exact; percentile bootstrap on 1,000 quantile bins, {draws:,} draws")


def _ks_samples(counts: NDArray[np.int64], draws: int, rng: np.random.Generator) -> Scores:
    samples = np.empty(draws)
    for start in range(0, draws, 250):
        drawn = bootstrap_counts(counts, min(250, draws - start), rng).cumsum(axis=2)
        share = drawn / drawn[:, :, -1:]
        samples[start : start + 250] = np.abs(share[:, 0] - share[:, 1]).max(axis=1)
    return samples
