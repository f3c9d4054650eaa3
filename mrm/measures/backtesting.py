"""Probabilities against what happened, as tests: by grade, over years, over a portfolio, over a trading year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import Labels, Scores, binary, counts, finite, same_length, within
from mrm.measures.estimates import HypothesisTest
from mrm.measures.score_tables import equal_mass

MANY = 25_000
NODES = 200
YELLOW, RED = 0.95, 0.9999


@dataclass(frozen=True, slots=True)
class TrafficLight:
    """Zone of a count of exceptions, and the probability of at most that many if the coverage holds."""

    zone: str
    exceptions: int
    n: int
    cumulative: float
    method: str


def binomial(defaults: int, n: int, pd: float) -> HypothesisTest:
    """One-sided exact test of one grade: P(X >= defaults), X binomial(n, pd), independent defaults.

    Basel Committee (2005, Working Paper 14). Raises ValueError on counts or a PD out of range.
    """
    _grade(defaults, n, pd)
    p = float(stats.binom.sf(defaults - 1, n, pd))
    null = f"The default rate is at most the PD of {pd:.4%}."
    detail = {"defaults": defaults, "expected": n * pd}
    return HypothesisTest("Binomial", defaults / n, p, n, null, "exact, one-sided, independent defaults", detail=detail)


def jeffreys(defaults: int, n: int, pd: float) -> HypothesisTest:
    """Probability that the true rate is at most the PD, under the prior Beta(1/2, 1/2).

    The posterior is Beta(d + 1/2, n - d + 1/2) (ECB 2019, Instructions for reporting the validation
    results of internal models). Raises ValueError on counts or a PD out of range.
    """
    _grade(defaults, n, pd)
    p = float(stats.beta.cdf(pd, defaults + 0.5, n - defaults + 0.5))
    null = f"The default rate is at most the PD of {pd:.4%}."
    detail = {"defaults": defaults, "expected": n * pd}
    return HypothesisTest(
        "Jeffreys", defaults / n, p, n, null, "posterior of Jeffreys' prior, one-sided", detail=detail
    )


def correlated_binomial(defaults: int, n: int, pd: float, correlation: float) -> HypothesisTest:
    """One-sided test of one grade with defaults tied by one normal factor (Vasicek 2002, Risk 15:160).

    P(X >= defaults) with asset `correlation` from 0 to below 1, integrated over the factor. Raises
    ValueError on counts, a PD or a correlation out of range.
    """
    _grade(defaults, n, pd)
    if not 0 <= correlation < 1:
        raise ValueError(f"The asset correlation is {correlation:g}; give a number from 0 to below 1.")
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    given = stats.norm.cdf((stats.norm.ppf(pd) - np.sqrt(correlation) * nodes) / np.sqrt(1 - correlation))
    p = float((weights * stats.binom.sf(defaults - 1, n, given)).sum() / weights.sum())
    null = f"The default rate is at most the PD of {pd:.4%}, defaults correlated through one factor."
    method = f"one-factor model, asset correlation {correlation:g}, one-sided"
    return HypothesisTest("Correlated binomial", defaults / n, min(1.0, p), n, null, method)


def traffic_light(exceptions: int, n: int = 250, coverage: float = 0.99) -> TrafficLight:
    """Zone of `exceptions` to a value at risk in `n` days.

    Yellow begins where the cumulative binomial probability reaches 95 %, red where it reaches
    99.99 % (Basel Committee 1996, Supervisory framework for the use of backtesting). Raises
    ValueError on counts or a coverage out of range.
    """
    _grade(exceptions, n, 1 - coverage)
    cumulative = float(stats.binom.cdf(exceptions, n, 1 - coverage))
    zone = "red" if cumulative >= RED else "yellow" if cumulative >= YELLOW else "green"
    return TrafficLight(zone, exceptions, n, cumulative, f"binomial, {n} days at {coverage:.4g} coverage")


def normal_test(rates: ArrayLike, pds: ArrayLike) -> HypothesisTest:
    """One-sided test over years that default rates exceed forecast PDs; shapes (years,).

    Mean excess over its standard deviation, normal for independent years (Basel Committee 2005,
    Working Paper 14). Raises ValueError with fewer than two years or without spread.
    """
    observed, forecast = within(rates, "default rate", 0, 1), within(pds, "PD", 0, 1)
    years = same_length(rate=observed, pd=forecast)
    excess = observed - forecast
    if years < 2 or excess.std() == 0:
        raise ValueError("The normal test needs at least two years whose excess over the PD differs; add years.")
    z = float(excess.mean() / (excess.std(ddof=1) / np.sqrt(years)))
    note = f"{years} years are few for a normal test." if years < 5 else ""
    null = "Default rates are on average at most the PDs."
    return HypothesisTest("Normal", z, float(stats.norm.sf(z)), years, null, "one-sided z over years", note=note)


def spiegelhalter(labels: ArrayLike, scores: ArrayLike) -> HypothesisTest:
    """Two-sided test that probabilities are true, from the Brier score (Spiegelhalter 1986, Stat. Med. 5:421).

    Shapes (n,). Raises ValueError if every probability is 0, 1/2 or 1.
    """
    y, p = binary(labels), within(scores, "score", 0, 1)
    n = same_length(label=y, score=p)
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if variance == 0:
        raise ValueError("Column score holds only 0, 0.5 and 1; the test needs other probabilities.")
    z = float(((y - p) * (1 - 2 * p)).sum()) / variance**0.5
    note = _many(n)
    null = "Every outcome has the probability given."
    return HypothesisTest("Spiegelhalter", z, float(2 * stats.norm.sf(abs(z))), n, null, "two-sided z", note=note)


def hosmer_lemeshow(labels: Labels, scores: Scores, groups: int = 10, *, holdout: bool = True) -> HypothesisTest:
    """Chi-square of observed and expected events in groups of near-equal size, equal scores together (Hosmer and Lemeshow 1980, Comm. Stat. A 9:1043).

    Degrees of freedom are the groups on data the model has not seen, two less on its development
    data. Not to be gated on at large n: any fixed error becomes significant there. Raises
    ValueError if a group expects no event or no non-event, or too few rows.
    """
    y, p = binary(labels), within(scores, "score", 0, 1)
    n = same_length(label=y, score=p)
    if n < groups or groups < 3:
        raise ValueError(
            f"{n:,} rows cannot be tested in {groups} groups; use three groups or more, and a row for each."
        )
    values, of_row = np.unique(p, return_inverse=True)
    place = equal_mass(np.bincount(of_row, minlength=values.size), groups)[of_row]
    found = int(place.max()) + 1
    size = np.bincount(place).astype(np.float64)
    events, mean = np.bincount(place, weights=y), np.bincount(place, weights=p) / size
    spread = size * mean * (1 - mean)
    if (spread == 0).any():
        raise ValueError("A group holds only probabilities of 0 or 1; use fewer groups or leave those rows out.")
    statistic = float(((events - size * mean) ** 2 / spread).sum())
    degrees = found if holdout else found - 2
    if degrees < 1:
        raise ValueError(f"The scores make only {found} groups; the test needs three on development data.")
    null = "Events are as frequent in every group as expected."
    method = f"{found} equal-mass groups, {'holdout' if holdout else 'development'} data"
    p_value = float(stats.chi2.sf(statistic, degrees))
    return HypothesisTest("Hosmer-Lemeshow", statistic, p_value, n, null, method, degrees, _many(n))


def by_grade(
    defaults: Sequence[int], n: Sequence[int], pds: Sequence[float]
) -> list[tuple[HypothesisTest, HypothesisTest]]:
    """Binomial and Jeffreys test of every grade, in the given order. Raises ValueError on grades of different number."""
    d, rows, pd = counts(defaults, "defaults"), counts(n, "n"), finite(pds, "PD")
    same_length(defaults=d, n=rows, pd=pd)
    grades = zip(d.tolist(), rows.tolist(), pd.tolist(), strict=True)
    return [(binomial(*grade), jeffreys(*grade)) for grade in grades]


def _grade(events: int, n: int, pd: float) -> None:
    if n < 1 or not 0 <= events <= n:
        raise ValueError(
            f"{events:,} events of {n:,} rows are impossible; give at least one row and events among them."
        )
    if not 0 < pd < 1:
        raise ValueError(f"The probability is {pd:g}; give one above 0 and below 1.")


def _many(n: int) -> str:
    if n < MANY:
        return ""
    return f"At {n:,} rows an error too small to matter is significant; judge the calibration error instead."
