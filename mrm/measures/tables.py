"""The compressed table: counts, score sums and score histograms by group, outcome and decision.

`summarise` reads a batch once; every bias measure is a function of what it returns. All parts are
integers, so tables of partitions add up to the table of the whole, bit for bit, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mrm.measures.frames import quoted

FIXED_POINT = 2**31
UNKNOWN_OUTCOME = -1

Groups = tuple[str | None, ...]
CellKey = tuple[Groups, int, int]
Histogram = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Spec:
    """What the columns mean.

    `label` holds 1, 0 or null (outcome not known); `score` lies in [`low`, `high`]. A decision is
    favourable if the score is "below" or "at_or_above" the cut-off. Rows without a value in an
    attribute belong to no group of it.
    """

    label: str
    score: str
    cutoff: float
    favourable: str
    attributes: tuple[str, ...] = ()
    row_id: str = "row_id"
    bins: int = 1000
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.favourable not in ("below", "at_or_above"):
            raise ValueError('The favourable side is "below" or "at_or_above" the cut-off.')
        if not self.low < self.high or self.bins < 1:
            raise ValueError("The score range and the number of bins must be positive.")

    @property
    def good_outcome(self) -> int:
        """The label of people for whom the favourable decision turns out right."""
        return 1 if self.favourable == "at_or_above" else 0


@dataclass(frozen=True, slots=True)
class ParquetBatch:
    """Labels and scores in one file; protected attributes in another, joined by row id."""

    scored: Path
    protected: Path | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of one cell, and the sums of their scores and squared scores in fixed point."""

    n: int
    total: int
    squares: int

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.n + other.n, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True, slots=True)
class Summary:
    """`cells` by (groups, label, favourable) and score `histograms` by (groups, label).

    `groups` follows `spec.attributes`, None meaning unknown; label is 1, 0 or -1 (not known).
    """

    spec: Spec
    cells: Mapping[CellKey, Cell] = field(default_factory=dict)
    histograms: Mapping[tuple[Groups, int], Histogram] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return sum(cell.n for cell in self.cells.values())

    def mean_and_variance(self, total: Cell) -> tuple[float, float]:
        """Mean and sample variance (ddof 1) of the scores behind `total`, in score units."""
        width = self.spec.high - self.spec.low
        mean = total.total / total.n / FIXED_POINT
        spread = total.squares * total.n - total.total * total.total
        variance = spread / (total.n * (total.n - 1)) / FIXED_POINT**2 if total.n > 1 else 0.0
        return self.spec.low + width * mean, width * width * variance

    def histogram(self, attribute: str | None = None, group: str | None = None, label: int | None = None) -> Histogram:
        """Rows per score bin, for one group of an attribute and one label or for all; shape (bins,)."""
        place = None if attribute is None else self.spec.attributes.index(attribute)
        out = np.zeros(self.spec.bins, dtype=np.int64)
        for (groups, outcome), counts in self.histograms.items():
            if (place is None or groups[place] == group) and (label is None or outcome == label):
                out += counts
        return out

    def as_dict(self) -> dict[str, Any]:
        """Canonical JSON form: sorted, empty bins left out."""
        cells = sorted(([list(g), y, d, c.n, c.total, c.squares] for (g, y, d), c in self.cells.items()), key=repr)
        bins = sorted(
            ([list(g), y, [[int(i), int(h[i])] for i in np.flatnonzero(h)]] for (g, y), h in self.histograms.items()),
            key=repr,
        )
        spec = {name: getattr(self.spec, name) for name in Spec.__slots__}
        return {"spec": {**spec, "attributes": list(self.spec.attributes)}, "cells": cells, "bins": bins}

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def summarise(
    batch: pd.DataFrame | ParquetBatch, spec: Spec, *, memory_limit: str = "1GB", threads: int = 1
) -> Summary:
    """Compress a batch to its table of counts in one pass.

    A data frame carries label, score and attributes as columns; a `ParquetBatch` names files.
    Raises ValueError, with a sentence, on missing columns, null scores, scores outside the range,
    labels other than 0, 1 and null, and row ids that are not unique.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": memory_limit,
        "autoinstall_known_extensions": "false",
    }
    with duckdb.connect(config=config) as connection:
        _open(connection, batch, spec)
        _check(connection, spec)
        return _count(connection, spec)


def merge(first: Summary, second: Summary) -> Summary:
    """The summary of both batches together; associative and commutative, exactly.

    Raises ValueError if the two were made with different specifications.
    """
    if first.spec != second.spec:
        raise ValueError("Summaries of different specifications cannot be merged.")
    cells = dict(first.cells)
    for key, cell in second.cells.items():
        cells[key] = cells[key] + cell if key in cells else cell
    bins = dict(first.histograms)
    for place, counts in second.histograms.items():
        bins[place] = bins[place] + counts if place in bins else counts
    return replace(first, cells=cells, histograms=bins)


def from_counts(attribute: str, counts: Mapping[str, tuple[int, int]]) -> Summary:
    """A summary from published counts, group to (favourable, total); no outcomes, no scores."""
    spec = Spec("label", "score", 0.5, "at_or_above", (attribute,))
    cells: dict[CellKey, Cell] = {}
    for group, (favourable, total) in counts.items():
        cells[(group,), UNKNOWN_OUTCOME, 1] = Cell(favourable, 0, 0)
        cells[(group,), UNKNOWN_OUTCOME, 0] = Cell(total - favourable, 0, 0)
    return Summary(spec, cells)


def _double(value: float) -> str:
    return f"'{float(value)!r}'::DOUBLE"


def _open(connection: duckdb.DuckDBPyConnection, batch: pd.DataFrame | ParquetBatch, spec: Spec) -> None:
    if isinstance(batch, pd.DataFrame):
        _need(batch.columns, (spec.label, spec.score, *spec.attributes))
        connection.register("batch", pa.Table.from_pandas(batch, preserve_index=False))
        return
    connection.from_parquet(str(batch.scored)).create_view("scored")
    _need(connection.table("scored").columns, (spec.label, spec.score))
    if batch.protected is None:
        connection.execute("CREATE VIEW batch AS SELECT * FROM scored")
        return
    connection.from_parquet(str(batch.protected)).create_view("protected")
    _need(connection.table("scored").columns, (spec.row_id,))
    _need(connection.table("protected").columns, (spec.row_id, *spec.attributes))
    _need_unique(connection, spec.row_id)
    attributes = "".join(f", p.{quoted(name)}" for name in spec.attributes)
    row_id, label, score = quoted(spec.row_id), quoted(spec.label), quoted(spec.score)
    connection.execute(
        f"CREATE VIEW batch AS SELECT s.{label}, s.{score}{attributes}"
        f" FROM scored s LEFT JOIN protected p ON s.{row_id} = p.{row_id}"
    )


def _need(columns: Iterable[Any], wanted: Iterable[str]) -> None:
    missing = [name for name in wanted if name not in set(columns)]
    if missing:
        raise ValueError(f"The data has no column {', '.join(missing)}.")


def _need_unique(connection: duckdb.DuckDBPyConnection, row_id: str) -> None:
    for view in ("scored", "protected"):
        query = f"SELECT count(*) - count(DISTINCT {quoted(row_id)}) FROM {view}"
        if _row(connection, query)[0]:
            raise ValueError(f"Row ids of the {view} data are missing or not unique.")


def _check(connection: duckdb.DuckDBPyConnection, spec: Spec) -> None:
    label, score = quoted(spec.label), quoted(spec.score)
    unscored, outside, odd = _row(
        connection,
        f"SELECT count(*) FILTER ({score} IS NULL OR isnan({score}::DOUBLE)),"
        f" count(*) FILTER (NOT {score}::DOUBLE BETWEEN {_double(spec.low)} AND {_double(spec.high)}),"
        f" count(*) FILTER ({label}::DOUBLE NOT IN (0, 1)) FROM batch",
    )
    if unscored:
        raise ValueError(f"{unscored} rows have no score.")
    if outside:
        raise ValueError(f"{outside} scores lie outside {spec.low:g} to {spec.high:g}.")
    if odd:
        raise ValueError(f"{odd} labels are neither 0 nor 1.")


def _count(connection: duckdb.DuckDBPyConnection, spec: Spec) -> Summary:
    """One grouped scan; positions and fixed-point scores use the same IEEE operations everywhere."""
    groups = ", ".join(f"nullif(trim({quoted(name)}::VARCHAR), '')" for name in spec.attributes)
    position = f"({quoted(spec.score)}::DOUBLE - {_double(spec.low)}) / {_double(spec.high - spec.low)}"
    side = "<" if spec.favourable == "below" else ">="
    rows = connection.execute(
        f"SELECT g, y, d, b, count(*), sum(f), sum(f * f) FROM (SELECT [{groups}]::VARCHAR[] AS g,"
        f" coalesce({quoted(spec.label)}::INTEGER, {UNKNOWN_OUTCOME}) AS y,"
        f" ({quoted(spec.score)}::DOUBLE {side} {_double(spec.cutoff)})::INTEGER AS d,"
        f" least(floor({position} * {spec.bins}), {spec.bins - 1})::INTEGER AS b,"
        f" floor({position} * {FIXED_POINT} + 0.5)::BIGINT AS f FROM batch) GROUP BY g, y, d, b"
    ).fetchall()
    cells: dict[CellKey, Cell] = {}
    bins: dict[tuple[Groups, int], Histogram] = {}
    for names, label, decision, place, n, total, squares in sorted(rows, key=repr):
        who = tuple(names)
        cell = Cell(n, int(total), int(squares))
        cells[who, label, decision] = cells.get((who, label, decision), Cell(0, 0, 0)) + cell
        bins.setdefault((who, label), np.zeros(spec.bins, dtype=np.int64))[place] += n
    return Summary(spec, cells, bins)


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    if row is None:
        raise RuntimeError("The query returned no row.")
    return row
