"""Pricing measures: actual to expected by factor level, and the Gini index on ordered Lorenz curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrm.measures.checks import Scores, finite, same_length
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import generator, normal_quantile, percentile


@dataclass(frozen=True, slots=True)
class Level:
    """Rows of one level and the sums of actual, expected, their squares and their product."""

    n: int = 0
    actual: float = 0.0
    expected: float = 0.0
    actual_squares: float = 0.0
    products: float = 0.0
    expected_squares: float = 0.0

    def __add__(self, other: Level) -> Level:
        return Level(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


Levels = Mapping[str, Level]


def summarise(actual: ArrayLike, expected: ArrayLike, levels: Sequence[str]) -> Levels:
    """Sums by level of a factor; shapes (n,). Raises ValueError on values that are not finite and negative expectations."""
    a, e = finite(actual, "actual"), finite(expected, "expected")
    names, place = np.unique(np.asarray(levels, dtype=str), return_inverse=True)
    same_length(actual=a, expected=e, level=place)
    negative = np.flatnonzero(e < 0)
    if negative.size:
        row = int(negative[0])
        raise ValueError(f"Column expected, row {row + 1:,}: {e[row]:g} is negative; expectations are zero or more.")
    sums = [np.bincount(place, weights=each, minlength=names.size) for each in (a, e, a * a, a * e, e * e)]
    n = np.bincount(place, minlength=names.size)
    return {str(name): Level(int(n[i]), *(float(each[i]) for each in sums)) for i, name in enumerate(names)}


def merge(first: Levels, second: Levels) -> Levels:
    """The sums of both batches together, level by level."""
    return {name: first.get(name, Level()) + second.get(name, Level()) for name in sorted({*first, *second})}


def actual_to_expected(levels: Levels) -> dict[str, Estimate | None]:
    """Actual over expected of every level; None where nothing was expected.

    Interval: normal, from the variance of a ratio of sums (Cochran 1977, Sampling Techniques,
    section 2.11).
    """
    return {name: _ratio(level) for name, level in levels.items()}


def ordered_lorenz(losses: ArrayLike, premiums: ArrayLike, scores: ArrayLike) -> tuple[Scores, Scores]:
    """Cumulative shares of premiums and of losses by rising score over premium, from 0 to 1.

    Both (relativities + 1,); rows of equal relativity are one step (Frees, Meyers and Cummings
    2011, JASA 106:1085). Raises ValueError on premiums that are not positive, and if there is no loss.
    """
    loss, premium, place = _ordered(losses, premiums, scores)
    return _curve(np.bincount(place, weights=premium)), _curve(np.bincount(place, weights=loss))


def lorenz_gini(losses: ArrayLike, premiums: ArrayLike, scores: ArrayLike, seed: int = 0, draws: int = 200) -> Estimate:
    """Twice the area between the diagonal and the ordered Lorenz curve (Frees, Meyers and Cummings 2011, JASA 106:1085).

    Interval: percentile bootstrap of rows.
    """
    loss, premium, place = _ordered(losses, premiums, scores)
    n, rng, samples = loss.size, generator(seed, "ordered lorenz"), np.empty(draws)
    for draw in range(draws):
        weights = np.bincount(rng.integers(0, n, n), minlength=n)
        samples[draw] = _gini(loss * weights, premium * weights, place)
    low, high = percentile(samples)
    reason = "" if low is not None else "Too many bootstrap draws hold no loss."
    method = f"ordered Lorenz curve; percentile bootstrap of rows, {draws:,} draws"
    return Estimate(_gini(loss, premium, place), low, high, method, n, reason)


def _ratio(level: Level) -> Estimate | None:
    if level.expected <= 0:
        return None
    ratio, method = level.actual / level.expected, "sum of actual over sum of expected"
    if level.n < 2:
        return Estimate(ratio, None, None, method, level.n, "One row has no spread.")
    spread = level.actual_squares - 2 * ratio * level.products + ratio**2 * level.expected_squares
    half = normal_quantile() * (max(0.0, spread) * level.n / (level.n - 1)) ** 0.5 / level.expected
    return Estimate(ratio, ratio - half, ratio + half, f"{method}; normal interval of a ratio", level.n)


def _ordered(losses: ArrayLike, premiums: ArrayLike, scores: ArrayLike) -> tuple[Scores, Scores, NDArray[np.intp]]:
    loss, premium, score = finite(losses, "loss"), finite(premiums, "premium"), finite(scores, "score")
    same_length(loss=loss, premium=premium, score=score)
    bad = np.flatnonzero(premium <= 0)
    if bad.size:
        row = int(bad[0])
        raise ValueError(f"Column premium, row {row + 1:,}: {premium[row]:g} is not positive; leave the row out.")
    if loss.sum() <= 0:
        raise ValueError("Column loss adds up to nothing; a Lorenz curve needs losses.")
    return loss, premium, np.unique(score / premium, return_inverse=True)[1]


def _curve(values: NDArray[Any]) -> Scores:
    total = np.r_[0.0, values.cumsum()]
    return np.asarray(total / total[-1])


def _gini(loss: Scores, premium: Scores, place: NDArray[np.intp]) -> float:
    if loss.sum() <= 0:
        return float("nan")
    losses, premiums = np.bincount(place, weights=loss), np.bincount(place, weights=premium)
    return float(1 - 2 * np.trapezoid(_curve(losses), _curve(premiums)))
