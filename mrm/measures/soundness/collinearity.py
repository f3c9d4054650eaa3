"""How far columns repeat each other: variance inflation, condition number, correlations.

Functions of mergeable moments; merged and whole agree to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from mrm.measures.checks import Scores, matrix
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import normal_quantile

SINGULAR = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows, means (columns,) and centred cross-products (columns, columns) of named columns."""

    names: tuple[str, ...]
    n: int
    mean: Scores
    products: Scores


def summarise(columns: Mapping[str, ArrayLike]) -> Moments:
    """Moments of one batch, each column (n,). Raises ValueError on missing values."""
    names, values = matrix(columns)
    mean = values.mean(axis=0)
    centred = values - mean
    return Moments(names, len(values), mean, centred.T @ centred)


def merge(first: Moments, second: Moments) -> Moments:
    """Moments of both batches together (Chan, Golub and LeVeque 1983, Am. Stat. 37:242). Raises ValueError on other columns."""
    if first.names != second.names:
        raise ValueError("Moments of different columns cannot be merged; summarise the same columns in one order.")
    n, gap = first.n + second.n, second.mean - first.mean
    mean = first.mean + gap * second.n / n
    products = first.products + second.products + np.outer(gap, gap) * first.n * second.n / n
    return Moments(first.names, n, mean, products)


def variance_inflation(moments: Moments) -> dict[str, Estimate]:
    """1 / (1 - R²) of each column on the others (Marquardt 1970, Technometrics 12:591).

    The diagonal of the inverse correlation matrix. Raises ValueError on constant columns and on
    columns that follow exactly from others.
    """
    correlation = _correlation(moments)
    if np.linalg.eigvalsh(correlation)[0] < SINGULAR:
        raise ValueError(f"Among the columns {', '.join(moments.names)} one follows exactly from others; leave it out.")
    reason = "A variance inflation factor describes these columns in these rows; it is not tested."
    values = np.diag(np.linalg.inv(correlation))
    method = "1 / (1 - R²) on the other columns"
    return {
        name: Estimate(float(value), None, None, method, moments.n, reason)
        for name, value in zip(moments.names, values, strict=True)
    }


def condition_number(moments: Moments) -> Estimate:
    """Largest over smallest singular value of the columns and an intercept, each scaled to length one.

    Belsley, Kuh and Welsch (1980, Regression Diagnostics, chapter 3). Raises ValueError if one
    column follows exactly from others.
    """
    n, mean = moments.n, moments.mean
    gram = moments.products + n * np.outer(mean, mean)
    full = np.block([[np.array([[float(n)]]), (n * mean)[None, :]], [(n * mean)[:, None], gram]])
    length = np.sqrt(np.diag(full))
    if (length == 0).any():
        raise ValueError(f"Column {moments.names[int(np.argmin(length)) - 1]} is zero in every row; leave it out.")
    values = np.linalg.eigvalsh(full / np.outer(length, length))
    if values[0] < SINGULAR:
        raise ValueError(f"Among the columns {', '.join(moments.names)} one follows exactly from others; leave it out.")
    reason = "A condition number describes these columns in these rows; it is not tested."
    method = "scaled columns with intercept, ratio of singular values"
    return Estimate(float(np.sqrt(values[-1] / values[0])), None, None, method, n, reason)


def correlations(moments: Moments) -> dict[tuple[str, str], Estimate]:
    """Pearson's correlation of every pair, largest size first; interval by Fisher's z (Fisher 1921, Metron 1:3).

    Raises ValueError on constant columns and fewer than four rows.
    """
    if moments.n < 4:
        raise ValueError(f"A correlation needs four rows; there are {moments.n}.")
    values, half = _correlation(moments), normal_quantile() / (moments.n - 3) ** 0.5
    found = {}
    for i, j in combinations(range(len(moments.names)), 2):
        r = float(np.clip(values[i, j], -1, 1))
        z = np.arctanh(np.clip(r, -1 + 1e-15, 1 - 1e-15))
        low, high = float(np.tanh(z - half)), float(np.tanh(z + half))
        found[moments.names[i], moments.names[j]] = Estimate(
            r, min(low, r), max(high, r), "Pearson; Fisher's z interval", moments.n
        )
    return dict(sorted(found.items(), key=lambda pair: -abs(pair[1].value)))


def _correlation(moments: Moments) -> Scores:
    spread = np.sqrt(np.diag(moments.products))
    flat = spread <= 1e-12 * np.maximum(1.0, np.abs(moments.mean)) * moments.n**0.5
    if flat.any():
        raise ValueError(f"Column {moments.names[int(np.argmax(flat))]} is constant; leave it out.")
    return np.asarray(moments.products / np.outer(spread, spread))
