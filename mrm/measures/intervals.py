"""Intervals and tests shared by the measures: proportions, ratios, multiplicity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Interval = tuple[float, float]
Counts = NDArray[np.int64]


@cache
def normal_quantile(confidence: float = 0.95) -> float:
    """Two-sided standard normal quantile, 1.96 at 95 %."""
    return float(stats.norm.ppf(0.5 + confidence / 2))


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Score interval of a proportion (Wilson 1927, JASA 22:209). Raises ValueError if n is 0."""
    if n <= 0:
        raise ValueError("A proportion of no rows has no interval.")
    z = normal_quantile(confidence)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if successes == 0 else float(max(0.0, centre - half))
    high = 1.0 if successes == n else float(min(1.0, centre + half))
    return low, high


def newcombe(first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95) -> Interval:
    """Interval of the difference of two proportions given as (successes, n).

    Hybrid score interval (Newcombe 1998, Statistics in Medicine 17:873, method 10).
    """
    (a, n), (b, m) = first, second
    p, q = a / n, b / m
    (p_low, p_high), (q_low, q_high) = wilson(a, n, confidence), wilson(b, m, confidence)
    low = p - q - float(np.hypot(p - p_low, q_high - q))
    high = p - q + float(np.hypot(p_high - p, q - q_low))
    return max(-1.0, low), min(1.0, high)


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers that depend on the seed and on what they are for, not on the order of calls."""
    word = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    return np.random.default_rng([seed, word])


def bootstrap_counts(counts: Counts, draws: int, rng: np.random.Generator) -> Counts:
    """`draws` resamples of a table of counts, shape (draws, *counts.shape).

    A multinomial draw on the cells is the row bootstrap for any function of the counts (Efron and
    Tibshirani 1993, section 6), not an approximation of it.
    """
    flat = counts.ravel()
    total = int(flat.sum())
    drawn = rng.multinomial(total, flat / total, size=draws)
    return np.asarray(drawn, dtype=np.int64).reshape(draws, *counts.shape)


def percentile(samples: NDArray[np.float64], confidence: float = 0.95) -> tuple[float | None, float | None]:
    """Percentile interval of bootstrap samples; (None, None) if over 5 % of them are undefined."""
    finite = samples[np.isfinite(samples)]
    if finite.size < 0.95 * samples.size:
        return None, None
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail])
    return float(low), float(high)


def of_distance(
    value: float, samples: NDArray[np.float64], confidence: float = 0.95
) -> tuple[float | None, float | None]:
    """Interval of a distance from bootstrap samples, which lie above it because chance adds distance.

    Upper bound the percentile, lower bound its reflection at the value, not below zero; the value
    lies between. (None, None) if over 5 % of the samples are undefined.
    """
    _, high = percentile(samples, confidence)
    if high is None:
        return None, None
    return max(0.0, min(value, 2 * value - high)), max(value, high)


@dataclass(frozen=True, slots=True)
class Significance:
    """A two-sided test of two proportions: which test, its statistic and its p-value."""

    test: str
    statistic: float
    p: float


def two_proportions(first: tuple[int, int], second: tuple[int, int]) -> Significance:
    """Test equality of two proportions given as (successes, n).

    Fisher's exact test if an expected cell is below 5 or the total below 1,000, else the pooled
    two-proportion z test. The statistic is the odds ratio or z.
    """
    (a, n), (b, m) = first, second
    table = np.array([[a, n - a], [b, m - b]], dtype=np.int64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / (n + m)
    if expected.min() < 5 or n + m < 1_000:
        odds, p = stats.fisher_exact(table)
        return Significance("Fisher exact", float(odds), float(p))
    pooled = (a + b) / (n + m)
    z = (a / n - b / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return Significance("two-proportion z", float(z), float(2 * special.ndtr(-abs(z))))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the given order (Benjamini and Hochberg 1995, JRSS B 57:289)."""
    if not p_values:
        return []
    return [float(p) for p in stats.false_discovery_control(np.asarray(p_values), method="bh")]


def homogeneity(favourable: Sequence[int], n: Sequence[int]) -> tuple[float, int, float]:
    """Pearson's chi-square test that all groups share one rate: (statistic, degrees of freedom, p).

    Raises ValueError with fewer than two groups, or if every row has the same outcome.
    """
    table = np.array([favourable, np.asarray(n) - np.asarray(favourable)], dtype=np.int64)
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any():
        raise ValueError("Homogeneity needs two groups and both outcomes.")
    found = stats.chi2_contingency(table, correction=False)
    return float(found.statistic), int(found.dof), float(found.pvalue)
