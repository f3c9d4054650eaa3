"""Statistical significance of a difference between two groups, and its correction for many comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scipy import special

from mrm.measures.intervals import benjamini_hochberg, two_proportions
from mrm.measures.results import Result

TWO = 2.0


def standard_deviations(first: tuple[int, int], second: tuple[int, int]) -> float | None:
    """How many standard errors lie between two proportions given as (successes, n), pooled.

    The rule of "two or three standard deviations" of Hazelwood School District v. United States
    (433 U.S. 299, 1977). None where every case has the same outcome.
    """
    (a, n), (b, m) = first, second
    pooled = (a + b) / (n + m)
    spread = pooled * (1 - pooled) * (1 / n + 1 / m)
    return (a / n - b / m) / spread**0.5 if spread > 0 else None


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal statistic."""
    return float(2 * special.ndtr(-abs(z)))


def proportions_test(first: tuple[int, int], second: tuple[int, int]) -> dict[str, Any]:
    """Test, statistic, p-value and standard deviations of two proportions, as a result's detail."""
    found = two_proportions(first, second)
    deviations = standard_deviations(first, second)
    return {
        "test": found.test,
        "statistic": found.statistic,
        "p": found.p,
        "p_adjusted": None,
        "standard_deviations": deviations,
        "beyond_two_standard_deviations": None if deviations is None else abs(deviations) > TWO,
    }


def adjusted(results: Sequence[Result]) -> list[Result]:
    """The results with p-values adjusted across all groups and measures (Benjamini and Hochberg 1995)."""
    tested = [i for i, each in enumerate(results) if each.group and each.detail.get("p") is not None]
    p_values = benjamini_hochberg([results[i].detail["p"] for i in tested])
    out = list(results)
    for i, p in zip(tested, p_values, strict=True):
        out[i] = out[i].with_detail(p_adjusted=p, compared=len(tested))
    return out
