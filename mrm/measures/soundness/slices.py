"""Weak spots: slices of one or two columns in which a model errs more than elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mrm.measures.checks import Scores, finite, same_length
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import benjamini_hochberg, normal_quantile

BINS = 4
CATEGORIES = 12


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows alike in one or two columns: conditions in words, loss above that of all other rows, p-values.

    `weak` if the gap is above two standard errors and above the smallest gap asked for.
    """

    conditions: tuple[str, ...]
    gap: Estimate
    p: float
    p_adjusted: float
    weak: bool


def weak_spots(
    columns: Mapping[str, ArrayLike], losses: ArrayLike, *, least: int = 100, smallest: float = 0.05
) -> tuple[Slice, ...]:
    """Every slice of one and two columns with at least `least` rows, worst gap first.

    `losses` (n,) is a row's own loss, such as the squared error of its probability or 1 for a wrong
    decision. Numbers are cut at quarters, text is taken as it is, up to 12 values. Welch's test,
    p-values adjusted over all slices after Benjamini and Hochberg (1995). Raises ValueError on
    columns of different length or with more categories.
    """
    loss = finite(losses, "loss")
    coded = {name: _coded(values, name) for name, values in columns.items()}
    if not coded:
        raise ValueError("There is no column to slice by; name at least one.")
    same_length(loss=loss, **{name: codes for name, (codes, _) in coded.items()})
    found = []
    for names in [*((name,) for name in coded), *combinations(coded, 2)]:
        found += _slices(names, coded, loss, least)
    adjusted = benjamini_hochberg([p for _, _, p in found])
    out = [
        Slice(said, gap, p, q, gap.value > smallest and gap.value > 2 * gap.detail["error"])
        for (said, gap, p), q in zip(found, adjusted, strict=True)
    ]
    return tuple(sorted(out, key=lambda each: -each.gap.value))


def _slices(
    names: tuple[str, ...], coded: Mapping[str, tuple[NDArray[np.intp], tuple[str, ...]]], loss: Scores, least: int
) -> list[tuple[tuple[str, ...], Estimate, float]]:
    shape = tuple(len(coded[name][1]) for name in names)
    place = np.ravel_multi_index(tuple(coded[name][0] for name in names), shape)
    size = int(np.prod(shape))
    n = np.bincount(place, minlength=size)
    total = np.bincount(place, weights=loss, minlength=size)
    squares = np.bincount(place, weights=loss**2, minlength=size)
    out = []
    for cell in np.flatnonzero((n >= max(2, least)) & (n <= loss.size - 2)):
        inside = (int(n[cell]), float(total[cell]), float(squares[cell]))
        rest = (loss.size - inside[0], float(total.sum()) - inside[1], float(squares.sum()) - inside[2])
        places = np.unravel_index(int(cell), shape)
        said = tuple(f"{name} {coded[name][1][int(at)]}" for name, at in zip(names, places, strict=True))
        out.append((said, *_gap(inside, rest)))
    return out


def _gap(inside: tuple[int, float, float], rest: tuple[int, float, float]) -> tuple[Estimate, float]:
    """Difference of mean losses, and Welch's one-sided p-value that it is not above zero."""
    (n, mean, variance), (m, other, spread) = _moments(*inside), _moments(*rest)
    value, error = mean - other, float(np.sqrt(variance / n + spread / m))
    half = normal_quantile() * error
    estimate = Estimate(value, value - half, value + half, "difference of mean losses; normal interval", n,
                        detail={"error": error})  # fmt: skip
    if error == 0:
        return estimate, 0.0 if value > 0 else 1.0
    degrees = error**4 / ((variance / n) ** 2 / (n - 1) + (spread / m) ** 2 / (m - 1))
    return estimate, float(stats.t.sf(value / error, degrees))


def _moments(n: int, total: float, squares: float) -> tuple[int, float, float]:
    mean = total / n
    return n, mean, max(0.0, squares - n * mean * mean) / (n - 1)


def _coded(values: ArrayLike, name: str) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    array = np.asarray(values)
    if array.dtype.kind in "fiu":
        return _cut(array.astype(np.float64))
    gone = np.asarray(pd.isna(array)) | (array == "")
    text = np.where(gone, "missing", np.char.add("is ", array.astype(str)))
    names, codes = np.unique(text, return_inverse=True)
    if names.size > CATEGORIES:
        raise ValueError(f"Column {name} has {names.size} categories; group them to {CATEGORIES} or fewer.")
    return codes, tuple(names.tolist())


def _cut(array: Scores) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    known = array[~np.isnan(array)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="inverted_cdf")) if known.size else known
    codes = np.searchsorted(edges, array)
    names = [f"up to {edges[0]:.6g}" if edges.size else "of any value"]
    names += [f"over {a:.6g} to {b:.6g}" for a, b in pairwise(edges)]
    names += [f"over {edges[-1]:.6g}"] if edges.size else []
    codes[np.isnan(array)] = len(names)
    return codes, (*names, "missing")
