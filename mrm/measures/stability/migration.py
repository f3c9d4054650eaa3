"""How rows move between classes of a score, and how they crowd in few of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrm.measures.checks import Scores, counts
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import Counts, bootstrap_counts, generator, percentile, wilson

DRAWS = 2_000


@dataclass(frozen=True, slots=True)
class Migration:
    """Rows by class before and after, (classes, classes), the shares by row, and what they say.

    `upper_bandwidth` and `lower_bandwidth` are the mean distance moved towards higher and lower
    classes over the largest possible; None if no row moved so.
    """

    table: Counts
    rates: Scores
    stayed: Estimate
    rose: Estimate
    fell: Estimate
    upper_bandwidth: Estimate | None
    lower_bandwidth: Estimate | None


def cross_table(before: Sequence[str], after: Sequence[str], classes: Sequence[str]) -> Counts:
    """Rows by class before and after; tables of batches add up. Raises ValueError on a class that is not named."""
    if len(before) != len(after):
        raise ValueError(f"There are {len(before):,} classes before and {len(after):,} after; give both for each row.")
    place = {name: number for number, name in enumerate(classes)}
    table = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for row, pair in enumerate(zip(before, after, strict=True), start=1):
        for name in pair:
            if name not in place:
                raise ValueError(
                    f"Row {row:,}: {name!r} is not among the classes {', '.join(classes)}; name it or leave the row out."
                )
        table[place[pair[0]], place[pair[1]]] += 1
    return table


def migration(table: ArrayLike, seed: int = 0, draws: int = DRAWS) -> Migration:
    """The migration matrix of a square table, classes in order of rising risk.

    Bandwidths after ECB (2019, Instructions for reporting the validation results of internal
    models). Intervals: Wilson for shares, percentile bootstrap of cells for bandwidths.
    """
    found = np.asarray(table)
    if found.ndim != 2 or found.shape[0] != found.shape[1]:
        raise ValueError(f"The table has the shape {found.shape}; give as many classes after as before.")
    cells = counts(found.ravel(), "count").reshape(found.shape)
    n = int(cells.sum())
    if n == 0:
        raise ValueError("The table holds no row; give one that does.")
    by_row = cells.sum(axis=1, keepdims=True)
    rates = np.divide(cells, by_row, out=np.zeros(cells.shape), where=by_row > 0)
    stayed, rose, fell = (
        _share(int(part.sum()), n, name)
        for part, name in ((np.diag(cells), "stayed"), (np.triu(cells, 1), "rose"), (np.tril(cells, -1), "fell"))
    )
    bands = [_bandwidth(cells, side, seed, draws) for side in (np.triu, np.tril)]
    return Migration(cells, rates, stayed, rose, fell, bands[0], bands[1])


def concentration(rows: ArrayLike, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Herfindahl-Hirschman index, sum of squared shares: 1 if all rows share a class, 1 / classes if spread evenly.

    `detail["normalised"]` runs from 0 (even) to 1. Interval: percentile bootstrap of classes.
    """
    cells = counts(rows, "count")
    n = int(cells.sum())
    if n == 0:
        raise ValueError("The classes hold no row; give one that does.")
    value = float(((cells / n) ** 2).sum())
    low, high = percentile(((bootstrap_counts(cells, draws, generator(seed, "hhi")) / n) ** 2).sum(axis=-1))
    even = 1 / cells.size
    detail = {"normalised": (value - even) / (1 - even) if cells.size > 1 else 1.0, "classes": cells.size}
    method = f"sum of squared shares; percentile bootstrap, {draws:,} draws"
    return Estimate(value, low, high, method, n, detail=detail)


def _share(part: int, n: int, name: str) -> Estimate:
    return Estimate(part / n, *wilson(part, n), f"share that {name}; Wilson interval", n)


def _bandwidth(cells: Counts, side: Callable[..., NDArray[np.int64]], seed: int, draws: int) -> Estimate | None:
    classes = cells.shape[0]
    away = np.abs(np.subtract.outer(np.arange(classes), np.arange(classes)))
    far = np.maximum(np.arange(classes), classes - 1 - np.arange(classes))[:, None]
    mask = side(np.ones_like(cells), 1 if side is np.triu else -1)

    def measure(tables: NDArray[np.int64]) -> Scores:
        moved = tables * mask
        part, whole = (moved * away).sum(axis=(-2, -1)), (moved * far).sum(axis=(-2, -1))
        return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))

    value = float(measure(cells))
    if np.isnan(value):
        return None
    low, high = percentile(measure(bootstrap_counts(cells, draws, generator(seed, "bandwidth"))))
    reason = "" if low is not None else "Too few rows moved for an interval."
    method = f"mean distance over the largest possible; percentile bootstrap, {draws:,} draws"
    return Estimate(value, low, high, method, int((cells * mask).sum()), reason)
