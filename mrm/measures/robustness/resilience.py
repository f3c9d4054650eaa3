"""Where a model is worst: its worst rows, how they differ from the rest, and its worst cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from sklearn.cluster import KMeans

from mrm.measures.checks import Scores, finite, matrix, same_length
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import normal_quantile
from mrm.measures.stability.index import psi

SHARES = (0.1, 0.2, 0.3)
BINS = 10


@dataclass(frozen=True, slots=True)
class Worst:
    """The share of rows with the largest losses, their mean loss, and each column's PSI against the other rows, largest first."""

    share: float
    loss: Estimate
    differs: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Rows near one centre: their number from 0, centre by column, mean loss, and that less the loss of all other rows."""

    number: int
    centre: Mapping[str, float]
    loss: Estimate
    gap: Estimate


def worst_rows(
    columns: Mapping[str, ArrayLike], losses: ArrayLike, shares: Sequence[float] = SHARES
) -> tuple[Worst, ...]:
    """Mean loss of the worst rows, and the columns in which they differ from the others, by PSI on deciles of all rows.

    Chosen by their losses, their mean loss is large by construction; compare models or batches.
    Raises ValueError on shares that leave no row on a side.
    """
    loss = finite(losses, "loss")
    names, values = matrix(columns)
    n = same_length(loss=loss, columns=values)
    order = np.argsort(-loss, kind="stable")
    out = []
    for share in shares:
        count = round(share * n)
        if not 0 < count < n:
            raise ValueError(f"The worst {share:.0%} of {n:,} rows leave no row on one side; give a share between.")
        rows = np.zeros(n, dtype=bool)
        rows[order[:count]] = True
        found = {name: _difference(values[:, place], rows) for place, name in enumerate(names)}
        differs = dict(sorted(found.items(), key=lambda pair: -pair[1].value))
        out.append(Worst(share, _mean(loss[rows], "mean loss of the worst rows"), differs))
    return tuple(out)


def worst_cluster(
    columns: Mapping[str, ArrayLike], losses: ArrayLike, clusters: int = 8, seed: int = 0
) -> tuple[Cluster, ...]:
    """Clusters of rows by k-means on standardised columns, the one with the largest mean loss first.

    Raises ValueError on constant columns, and on more clusters than a hundredth of the rows.
    """
    loss = finite(losses, "loss")
    names, values = matrix(columns)
    n = same_length(loss=loss, columns=values)
    if clusters < 2 or n < 100 * clusters:
        raise ValueError(
            f"{clusters} clusters need {100 * clusters:,} rows and two clusters at least; there are {n:,} rows."
        )
    mean, scale = values.mean(axis=0), values.std(axis=0)
    if (scale == 0).any():
        raise ValueError(f"Column {names[int(np.argmin(scale))]} is constant; leave it out.")
    model = KMeans(clusters, n_init=3, random_state=seed).fit((values - mean) / scale)
    out = []
    for number in range(clusters):
        rows = model.labels_ == number
        centre = dict(zip(names, (model.cluster_centers_[number] * scale + mean).tolist(), strict=True))
        out.append(Cluster(number, centre, _mean(loss[rows], "mean loss"), _gap(loss[rows], loss[~rows])))
    return tuple(sorted(out, key=lambda each: -each.loss.value))


def _difference(values: Scores, rows: np.ndarray) -> Estimate:
    edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="inverted_cdf"))
    place = np.searchsorted(edges, values)
    return psi(*(np.bincount(place[part], minlength=edges.size + 1) for part in (~rows, rows)))


def _mean(losses: Scores, method: str) -> Estimate:
    value, n = float(losses.mean()), losses.size
    if n < 2:
        return Estimate(value, None, None, method, n, "One row has no spread.")
    half = normal_quantile() * float(losses.std(ddof=1)) / n**0.5
    return Estimate(value, value - half, value + half, f"{method}; normal interval", n)


def _gap(inside: Scores, rest: Scores) -> Estimate:
    value, method = float(inside.mean() - rest.mean()), "difference of mean losses"
    if min(inside.size, rest.size) < 2:
        return Estimate(value, None, None, method, inside.size, "One row has no spread.")
    half = normal_quantile() * float(np.sqrt(inside.var(ddof=1) / inside.size + rest.var(ddof=1) / rest.size))
    return Estimate(value, value - half, value + half, f"{method}; normal interval", inside.size)
