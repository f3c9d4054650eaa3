"""How well a probability is a probability: Brier, ECE, slope and intercept, actual to expected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from mrm.measures.checks import Labels, Scores
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, of_distance, wilson
from mrm.measures.score_tables import equal_mass

LOGIT_CLIP = 1e-6


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One equal-mass bin: rows, events, mean probability, observed rate and its Wilson interval."""

    n: int
    events: int
    predicted: float
    observed: float
    lower: float
    upper: float


def brier(labels: Labels, scores: Scores) -> Estimate:
    """Mean squared difference of probability and outcome (Brier 1950), with a normal interval."""
    losses = (scores - labels) ** 2
    value = float(losses.mean())
    if losses.size < 2:
        return Estimate(value, None, None, "mean squared error", losses.size, "One row has no spread.")
    half = normal_quantile() * float(losses.std(ddof=1)) / losses.size**0.5
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value, low, high, "mean squared error; normal interval", losses.size)


def brier_skill(score: Estimate, base_rate: float) -> Estimate:
    """1 - Brier over that of always predicting the base rate, which is held (Brier 1950; Murphy 1973)."""
    reference = base_rate * (1 - base_rate)
    lower = None if score.upper is None else 1 - score.upper / reference
    upper = None if score.lower is None else 1 - score.lower / reference
    method = "1 - Brier over base rate variance; interval of the Brier score, base rate held"
    return Estimate(1 - score.value / reference, lower, upper, method, score.n, score.reason)


def reliability(labels: Labels, scores: Scores, bins: int = 20) -> list[ReliabilityBin]:
    """Bins of near-equal mass of the probability in rising order; rows of equal probability stay together."""
    values, of_row = np.unique(scores, return_inverse=True)
    place = equal_mass(np.bincount(of_row, minlength=values.size), bins)[of_row]
    n, predicted = np.bincount(place), np.bincount(place, weights=scores)
    events = np.bincount(place, weights=labels).astype(np.int64)
    return [
        ReliabilityBin(rows, found, total / rows, found / rows, *wilson(found, rows))
        for rows, found, total in zip(n.tolist(), events.tolist(), predicted.tolist(), strict=True)
    ]


def ece(labels: Labels, scores: Scores, seed: int, bins: int = 20, draws: int = 10_000) -> Estimate:
    """Expected calibration error over equal-mass bins, sum of n_b/n |observed - predicted|.

    Interval: bootstrap of bin by outcome with the bins' mean probabilities held, the lower bound
    reflected, since the error of a perfectly calibrated model is above zero in any sample.
    """
    table = reliability(labels, scores, bins)
    predicted = np.array([each.predicted for each in table])
    counts = np.array([[each.events, each.n - each.events] for each in table], dtype=np.int64)
    drawn = bootstrap_counts(counts, draws, generator(seed, "ece"))
    value = float(_weighted_gap(counts[None], predicted)[0])
    low, high = of_distance(value, _weighted_gap(drawn, predicted))
    method = f"{len(table)} equal-mass bins; bootstrap, lower bound reflected, {draws:,} draws"
    return Estimate(value, low, high, method, labels.size)


def slope_and_intercept(labels: Labels, scores: Scores) -> tuple[Estimate, Estimate] | None:
    """Logistic recalibration logit(y) = a + b logit(p): (slope b, intercept a), Wald intervals.

    Cox (1958, Biometrika 45:562). Probabilities are kept within 1e-6 of 0 and 1. None if the fit
    does not settle, as when the score separates the classes.
    """
    x = special.logit(np.clip(scores, LOGIT_CLIP, 1 - LOGIT_CLIP))
    design = np.column_stack([np.ones_like(x), x])
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        fitted = special.expit(design @ beta)
        information = design.T @ (design * (fitted * (1 - fitted))[:, None])
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (labels - fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    else:
        return None
    half = normal_quantile() * np.sqrt(np.diag(np.linalg.inv(information)))
    method = "logistic recalibration; Wald interval"
    slope, intercept = (
        Estimate(float(beta[i]), float(beta[i] - half[i]), float(beta[i] + half[i]), method, labels.size)
        for i in (1, 0)
    )
    return slope, intercept


def actual_to_expected(events: int, n: int, expected: float) -> Estimate | None:
    """Observed events over the sum of probabilities, Wilson interval of the rate over its mean.

    None if nothing was expected.
    """
    if n == 0 or expected <= 0:
        return None
    low, high = (bound * n / expected for bound in wilson(events, n))
    return Estimate(events / expected, low, high, "events over summed probability; Wilson interval of the rate", n)


def _weighted_gap(counts: NDArray[np.int64], predicted: Scores) -> Scores:
    n = counts.sum(axis=2)
    rate = np.divide(counts[:, :, 0], n, out=np.zeros(n.shape), where=n > 0)
    return np.asarray((n * np.abs(rate - predicted)).sum(axis=1) / n.sum(axis=1))
