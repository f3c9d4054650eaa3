"""How far numbers lie from what was predicted: MAE, RMSE, MAPE, R², bias, coverage, as functions of sums.

`summarise` reads a batch, `merge` adds two; sums are floating point, so merged and whole agree to
rounding.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import Scores, finite, same_length
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import normal_quantile, wilson

NEAR_ZERO = 1e-9
ONE_ROW = "One row has no spread."


@dataclass(frozen=True, slots=True)
class Errors:
    """Sums over rows of the error e = predicted - actual and of the actual y about `origin`.

    `relative` and `symmetric` sum the terms of MAPE and sMAPE, their `_squares` the squares; rows
    with an actual of zero have no relative error and are counted in `zeros`.
    """

    origin: float
    n: int
    zeros: int
    error: float
    absolute: float
    squares: float
    fourths: float
    y: float
    y2: float
    y3: float
    y4: float
    e2y: float
    e2y2: float
    relative: float
    relative_squares: float
    symmetric: float
    symmetric_squares: float


def summarise(actual: ArrayLike, predicted: ArrayLike, origin: float = 0.0) -> Errors:
    """Sums of one batch, shapes (n,). `origin`, near the mean and the same for all batches, keeps sums small.

    Raises ValueError on values that are not finite.
    """
    a, p = finite(actual, "actual"), finite(predicted, "predicted")
    n = same_length(actual=a, predicted=p)
    e, y = p - a, a - origin
    zero = np.abs(a) < NEAR_ZERO
    relative = np.abs(e[~zero] / a[~zero])
    size = np.abs(a) + np.abs(p)
    symmetric = np.divide(2 * np.abs(e), size, out=np.zeros(n), where=size > 0)
    e2, y2 = e * e, y * y
    sums = (
        e,
        np.abs(e),
        e2,
        e2 * e2,
        y,
        y2,
        y2 * y,
        y2 * y2,
        e2 * y,
        e2 * y2,
        relative,
        relative**2,
        symmetric,
        symmetric**2,
    )
    return Errors(origin, n, int(zero.sum()), *(float(each.sum()) for each in sums))


def merge(first: Errors, second: Errors) -> Errors:
    """The sums of both batches together. Raises ValueError if their origins differ."""
    if first.origin != second.origin:
        raise ValueError("Sums about different origins cannot be merged; summarise both about the same one.")
    sums = (a + b for a, b in zip(astuple(first)[3:], astuple(second)[3:], strict=True))
    return Errors(first.origin, first.n + second.n, first.zeros + second.zeros, *sums)


def mae(errors: Errors) -> Estimate:
    """Mean absolute error in units of the target, with a normal interval."""
    return _mean("mean absolute error", errors.absolute, errors.squares, errors.n)


def bias(errors: Errors) -> Estimate:
    """Mean of predicted less actual in units of the target, with a normal interval."""
    return _mean("mean of predicted less actual", errors.error, errors.squares, errors.n, floor=None)


def rmse(errors: Errors) -> Estimate:
    """Root of the mean squared error in units of the target; interval the root of that of the mean square."""
    found = _mean("mean squared error", errors.squares, errors.fourths, errors.n)
    low, high = (None if bound is None else bound**0.5 for bound in (found.lower, found.upper))
    return Estimate(found.value**0.5, low, high, f"root of the {found.method}", found.n, found.reason)


def mape(errors: Errors) -> Estimate:
    """Mean absolute error over the actual's size, a share; rows with an actual of zero are left out and counted.

    Raises ValueError if every actual is zero.
    """
    n = errors.n - errors.zeros
    if n == 0:
        raise ValueError("Every actual is zero, so no error is relative to it; use the mean absolute error.")
    found = _mean("mean absolute relative error", errors.relative, errors.relative_squares, n)
    return Estimate(found.value, found.lower, found.upper, found.method, n, found.reason, {"zeros": errors.zeros})


def smape(errors: Errors) -> Estimate:
    """Mean of 2 |e| / (|actual| + |predicted|), between 0 and 2; a row of two zeros counts as no error."""
    return _mean("mean symmetric relative error", errors.symmetric, errors.symmetric_squares, errors.n)


def r_squared(errors: Errors) -> Estimate:
    """1 - squared error over squared deviation from the mean; negative if the mean predicts better.

    Interval: delta method on the ratio of the two mean squares, the mean of the actuals held.
    Raises ValueError if all actuals are alike.
    """
    n, m = errors.n, errors.y / errors.n
    total = errors.y2 / n - m * m
    if total <= 1e-14 * max(1.0, errors.y2 / n):
        raise ValueError("Column actual holds one value only; R² needs actuals that differ.")
    ratio = errors.squares / n / total
    if n < 3:
        return Estimate(1 - ratio, None, None, "1 - ratio of mean squares", n, "Two rows have too little spread.")
    d4 = (errors.y4 - 4 * m * errors.y3 + 6 * m * m * errors.y2 - 4 * m**3 * errors.y) / n + m**4
    cross = (errors.e2y2 - 2 * m * errors.e2y + m * m * errors.squares) / n
    variance = (errors.fourths / n - 2 * ratio * cross + ratio**2 * d4) / total**2
    half = normal_quantile() * max(0.0, variance / n) ** 0.5
    method = "1 - ratio of mean squares; delta method interval"
    return Estimate(1 - ratio, 1 - ratio - half, min(1.0, 1 - ratio + half), method, n)


def coverage(
    actual: ArrayLike, low: ArrayLike, high: ArrayLike, nominal: float = 0.8
) -> tuple[Estimate, HypothesisTest]:
    """Share of actuals between a predicted low and high (P10 and P90: `nominal` 0.8), and the exact two-sided test of it.

    Shapes (n,). Raises ValueError where low is above high.
    """
    a, lower, upper = finite(actual, "actual"), finite(low, "low"), finite(high, "high")
    n = same_length(actual=a, low=lower, high=upper)
    crossed = np.flatnonzero(lower > upper)
    if crossed.size:
        row = int(crossed[0])
        raise ValueError(f"Column low, row {row + 1:,}: {lower[row]:g} is above high, {upper[row]:g}; swap the two.")
    inside = int(((a >= lower) & (a <= upper)).sum())
    estimate = Estimate(inside / n, *wilson(inside, n), "share inside; Wilson interval", n)
    p = float(stats.binomtest(inside, n, nominal).pvalue)
    null = f"{nominal:.0%} of actuals lie inside."
    return estimate, HypothesisTest("Coverage", inside / n, p, n, null, "exact binomial, two-sided")


def _mean(name: str, total: float, squares: float, n: int, floor: float | None = 0.0) -> Estimate:
    value = total / n
    if n < 2:
        return Estimate(value, None, None, name, n, ONE_ROW)
    variance = max(0.0, (squares - n * value * value) / (n - 1))
    half = normal_quantile() * (variance / n) ** 0.5
    low = value - half if floor is None else max(floor, value - half)
    return Estimate(value, low, value + half, f"{name}; normal interval", n)


def standardised(values: Scores) -> Scores:
    """Values less their mean over their standard deviation (ddof 0), shape (n,); raises ValueError without spread."""
    spread = values.std()
    if spread <= 1e-14 * max(1.0, float(np.abs(values).max(initial=0))):
        raise ValueError("All residuals are alike; there is nothing to test.")
    return np.asarray((values - values.mean()) / spread)
