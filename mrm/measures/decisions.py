"""A cut-off's decisions against outcomes: balanced accuracy, F-beta, Matthews correlation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrm.measures.checks import Labels, Scores, same_length
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import bootstrap_counts, generator, percentile, wilson

DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows by decision and outcome; tables of two batches add up.

    Raises ValueError on negative counts and on a table without rows.
    """

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    def __post_init__(self) -> None:
        if min(self.counts) < 0 or self.n == 0:
            raise ValueError("A table of decisions needs counts from zero and at least one row.")

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(*(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @property
    def counts(self) -> tuple[int, int, int, int]:
        return self.true_positives, self.false_positives, self.true_negatives, self.false_negatives

    @property
    def n(self) -> int:
        return sum(self.counts)


def confusion(labels: Labels, scores: Scores, cutoff: float) -> Confusion:
    """Decisions of "event" at or above `cutoff`, against outcomes; shapes (n,)."""
    same_length(label=labels, score=scores)
    flagged, event = scores >= cutoff, labels == 1
    return Confusion(
        int((flagged & event).sum()),
        int((flagged & ~event).sum()),
        int((~flagged & ~event).sum()),
        int((~flagged & event).sum()),
    )


def balanced_accuracy(table: Confusion) -> Estimate:
    """Mean of the true positive and true negative rate.

    Interval by squaring and adding the two Wilson intervals' arms (Zou and Donner 2008, Statistics
    in Medicine 27:1693). Raises ValueError if one outcome is missing.
    """
    rates = [
        _rate(table.true_positives, table.false_negatives, "event"),
        _rate(table.true_negatives, table.false_positives, "non-event"),
    ]
    value = sum(rate for rate, _, _ in rates) / 2
    low = value - float(np.hypot.reduce([rate - low for rate, low, _ in rates])) / 2
    high = value + float(np.hypot.reduce([high - rate for rate, _, high in rates])) / 2
    return Estimate(value, low, high, "mean of both true rates; Wilson arms squared and added", table.n)


def f_beta(table: Confusion, beta: float = 1.0, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """F measure, recall weighing `beta` times as much as precision (van Rijsbergen 1979, chapter 7).

    Zero if nothing was found. Raises ValueError unless `beta` is positive.
    """
    if not beta > 0:
        raise ValueError(f"beta is {beta:g}; give a positive weight of recall over precision, such as 1 or 2.")

    def measure(counts: NDArray[np.int64]) -> Scores:
        tp, fp, _, fn = np.moveaxis(counts.astype(np.float64), -1, 0)
        return _over((1 + beta**2) * tp, (1 + beta**2) * tp + beta**2 * fn + fp)

    return _estimate(table, measure, f"F with beta {beta:g}", seed, draws)


def matthews(table: Confusion, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Correlation of decision and outcome (Matthews 1975, Biochim. Biophys. Acta 405:442); 0 if one never varies."""

    def measure(counts: NDArray[np.int64]) -> Scores:
        tp, fp, tn, fn = np.moveaxis(counts.astype(np.float64), -1, 0)
        return _over(tp * tn - fp * fn, np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)))

    return _estimate(table, measure, "correlation of decision and outcome", seed, draws)


def _estimate(
    table: Confusion, measure: Callable[[NDArray[np.int64]], Scores], method: str, seed: int, draws: int
) -> Estimate:
    counts = np.array(table.counts, dtype=np.int64)
    low, high = percentile(measure(bootstrap_counts(counts, draws, generator(seed, method))))
    method = f"{method}; percentile bootstrap, {draws:,} draws"
    return Estimate(float(measure(counts)), low, high, method, table.n)


def _rate(right: int, wrong: int, outcome: str) -> tuple[float, float, float]:
    if right + wrong == 0:
        raise ValueError(f"There is no {outcome}; balanced accuracy needs rows of both outcomes.")
    return right / (right + wrong), *wilson(right, right + wrong)


def _over(part: Scores, whole: Scores) -> Scores:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
