"""Intervals and critical values of divergences whose estimate follows a scaled chi-square."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

LARGE = 5_000.0


def critical_value(scale: float, degrees: int, level: float = 0.95) -> float:
    """The divergence that equal populations exceed with probability 1 - `level`: scale times chi-square quantile."""
    return float(scale * stats.chi2.ppf(level, degrees)) if degrees > 0 else 0.0


def noncentral_interval(value: float, scale: float, degrees: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of a divergence whose estimate over `scale` is non-central chi-square.

    The true divergence over `scale` is the non-centrality; bounds are the non-centralities under
    which the estimate is as high, or as low, with probability (1 - confidence) / 2. Above 5,000
    the normal approximation with mean k + d and variance 2 (k + 2 d) stands in. The upper bound is
    never below the estimate, as it would be where chance made two samples too alike.
    """
    tail = (1 - confidence) / 2
    statistic = value / scale
    low, high = (_noncentrality(statistic, degrees, level) for level in (1 - tail, tail))
    return low * scale, max(high * scale, value)


def _noncentrality(statistic: float, degrees: int, level: float) -> float:
    """The d at which P(X <= statistic) is `level`; 0 if there is none."""
    if degrees <= 0 or stats.chi2.cdf(statistic, degrees) <= level:
        return 0.0
    if statistic > LARGE:
        z, excess = float(stats.norm.ppf(level)), statistic - degrees
        return max(0.0, excess + 2 * z * z - 2 * z * float(np.sqrt(max(0.0, z * z + excess + degrees / 2))))
    top = statistic + 20 * np.sqrt(2 * (degrees + 2 * statistic)) + 50
    return float(optimize.brentq(lambda d: stats.ncx2.cdf(statistic, degrees, d) - level, 1e-12, top))
