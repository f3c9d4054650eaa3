"""How the output depends on a feature: partial dependence, individual curves, accumulated effects, interaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from mrm.measures.estimates import Estimate
from mrm.measures.explanation.attributions import Matrix, Predict
from mrm.measures.intervals import wilson


@dataclass(frozen=True, slots=True)
class Curve:
    """Effect of one feature at `grid` (points,), in the unit of the output; `n` rows behind each point.

    `individual` (rows, points) are the curves whose mean is `effect`, empty where there are none.
    """

    column: int
    grid: Matrix
    effect: Matrix
    n: NDArray[np.int64]
    individual: Matrix
    method: str


def grid_of(values: Matrix, points: int = 20) -> Matrix:
    """Distinct quantiles of a column, at most `points` of them."""
    return np.unique(np.quantile(values, np.linspace(0, 1, points), method="inverted_cdf"))


def partial_dependence(predict: Predict, data: Matrix, column: int, points: int = 20) -> Curve:
    """Mean output with the feature set to each grid value, and the curve of every row.

    Friedman (2001, Annals of Statistics 29:1189); individual curves: Goldstein et al. (2015, JCGS
    24:44). Extrapolates where features depend on each other; `accumulated_effects` does not.
    """
    grid = grid_of(data[:, column], points)
    curves = np.empty((len(data), grid.size))
    for i, value in enumerate(grid):
        changed = data.copy()
        changed[:, column] = value
        curves[:, i] = predict(changed)
    n = np.full(grid.size, len(data), dtype=np.int64)
    return Curve(column, grid, curves.mean(axis=0), n, curves, "partial dependence with individual curves")


def accumulated_effects(predict: Predict, data: Matrix, column: int, points: int = 20) -> Curve:
    """Accumulated local effects, centred to a mean of 0 over the rows (Apley and Zhu 2020, JRSS B 82:1059).

    Raises ValueError for a feature that does not vary.
    """
    edges = grid_of(data[:, column], points)
    if edges.size < 2:
        raise ValueError(f"Feature {column + 1} has one value only; it has no effect to accumulate.")
    place = np.clip(np.searchsorted(edges, data[:, column], side="left"), 1, edges.size - 1)
    low, high = data.copy(), data.copy()
    low[:, column], high[:, column] = edges[place - 1], edges[place]
    steps = predict(high) - predict(low)
    n = np.bincount(place, minlength=edges.size)
    sums = np.bincount(place, weights=steps, minlength=edges.size)
    effect = np.cumsum(np.divide(sums, n, out=np.zeros(edges.size), where=n > 0))
    middle = (effect[1:] + effect[:-1]) / 2
    centred = effect - float((middle * n[1:]).sum() / n[1:].sum())
    return Curve(column, edges, centred, n, np.empty((0, edges.size)), "accumulated local effects")


def interaction(predict: Predict, data: Matrix, first: int, second: int) -> float:
    """Friedman and Popescu's H² of two features: share of their joint effect that is not additive.

    Friedman and Popescu (2008, Annals of Applied Statistics 2:916), equation 44, evaluated at the
    rows of `data`; costs about 3 rows² outputs, so give some hundred rows. 0 without joint effect.
    """
    return interactions(predict, data, [first, second])[0][2]


def interactions(predict: Predict, data: Matrix, columns: Sequence[int]) -> list[tuple[int, int, float]]:
    """H² of every pair of the columns, as `interaction`, the largest first."""
    alone = {each: _at_rows(predict, data, [each]) for each in columns}
    found = []
    for first, second in combinations(columns, 2):
        joint = _at_rows(predict, data, [first, second])
        total = float((joint**2).sum())
        rest = float(((joint - alone[first] - alone[second]) ** 2).sum())
        found.append((first, second, rest / total if total > 1e-24 else 0.0))
    return sorted(found, key=lambda each: (-each[2], each[0], each[1]))


def monotonicity(predict: Predict, data: Matrix, column: int, direction: int, points: int = 20) -> Estimate:
    """Share of rows whose output moves against `direction` (1 rises, -1 falls) somewhere on the grid.

    0 is required of a feature under a monotone constraint. Steps under 1e-9 of the range of the
    outputs count as flat. Wilson interval over rows.
    """
    return breaks(partial_dependence(predict, data, column, points), direction)


def breaks(curve: Curve, direction: int) -> Estimate:
    """The same of curves that are known already."""
    curves, n = curve.individual, len(curve.individual)
    flat = 1e-9 * max(1.0, float(np.ptp(curves)))
    broken = int((direction * np.diff(curves, axis=1) < -flat).any(axis=1).sum())
    return Estimate(broken / n, *wilson(broken, n), "share of rows with a break; Wilson interval", n)


def _at_rows(predict: Predict, data: Matrix, columns: list[int]) -> Matrix:
    """Centred partial dependence of `columns` at every row's own values."""
    n = len(data)
    changed = np.tile(data, (n, 1))
    changed[:, columns] = np.repeat(data[:, columns], n, axis=0)
    out = predict(changed).reshape(n, n).mean(axis=1)
    return np.asarray(out - out.mean())
