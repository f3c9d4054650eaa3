"""A batch counted by frozen edges: one query over the data, whatever the number of columns."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np

from mrm.measures.engine import ENGINE, FLOATS, INTEGERS, TEXT, Batch, Engine, kinds, opened
from mrm.measures.frames import quoted
from mrm.measures.intervals import Counts
from mrm.measures.stability.edges import CategoricalColumn, Column, Edges, NumericColumn

EXTRA = ("missing", "below", "above", "unseen")
EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Summary:
    """Rows by bin for every column: `counts[name]` (4 + bins,), first the bins of `EXTRA`.

    Missing is null, empty text or not a number; below and above lie outside the reference's range;
    unseen is a category the reference did not hold.
    """

    edges: str
    n: int
    counts: Mapping[str, Counts]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        counts = {name: self.counts[name].tolist() for name in sorted(self.counts)}
        return {"edges": self.edges, "n": self.n, "counts": counts}

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def from_dict(data: Mapping[str, Any]) -> Summary:
    """A summary from its plain form. Raises ValueError if it is not one."""
    try:
        counted = {str(name): np.asarray(values, dtype=np.int64) for name, values in data["counts"].items()}
        return Summary(str(data["edges"]), int(data["n"]), counted)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"The data hold no counts by frozen edges: {error}. Count the batch anew.") from error


def summarise(batch: Batch, edges: Edges, *, engine: Engine = ENGINE) -> Summary:
    """Count a batch by frozen edges in one scan.

    Raises ValueError on columns that are absent or of another kind than in the reference.
    """
    with opened(batch, engine) as connection:
        found = kinds(connection, [each.name for each in edges.columns])
        for column in edges.columns:
            _check(column, found[column.name])
        wanted = ", ".join(_histogram(each, found[each.name]) for each in edges.columns)
        n, *lists = connection.execute(f"SELECT count(*), {wanted} FROM batch").fetchall()[0]
        raw = {each.name: _counted(each, values) for each, values in zip(edges.columns, lists, strict=True)}
        empty = _empty(connection, edges, found, raw)
    counts = {
        each.name: _placed(each, int(n), raw[each.name], empty.get(each.name, 0), found[each.name])
        for each in edges.columns
    }
    return Summary(edges.digest(), int(n), counts)


def merge(first: Summary, second: Summary) -> Summary:
    """The summary of both batches together; associative and commutative, exactly.

    Raises ValueError if the two were counted by different edges.
    """
    if first.edges != second.edges:
        raise ValueError("Batches counted by different edges cannot be merged; count both by the same frozen edges.")
    counts = {name: first.counts[name] + second.counts[name] for name in first.counts}
    return Summary(first.edges, first.n + second.n, counts)


def bin_names(column: Column) -> tuple[str, ...]:
    """The names of a column's bins in the order of its counts."""
    if isinstance(column, CategoricalColumn):
        return EXTRA + column.values
    lower = (column.low, *column.upper)
    first = f"{lower[0]:.6g} to {lower[1]:.6g}"
    return (*EXTRA, first, *(f"over {a:.6g} to {b:.6g}" for a, b in pairwise(lower[1:])))


def _check(column: Column, kind: str) -> None:
    if isinstance(column, NumericColumn):
        if kind not in INTEGERS and kind not in FLOATS and kind != "DECIMAL":
            raise ValueError(f"Column {column.name} holds {kind}, and numbers in the reference; turn it into numbers.")
    elif kind not in TEXT and kind not in INTEGERS:
        raise ValueError(f"Column {column.name} holds {kind}, and categories in the reference; turn it into text.")


def _whole(column: NumericColumn, kind: str) -> bool:
    """Whether whole numbers are compared with whole numbers, without a cast to floating point."""
    edges = (column.low, *column.upper)
    return kind in INTEGERS and all(edge.is_integer() and abs(edge) < EXACT for edge in edges)


def _histogram(column: Column, kind: str) -> str:
    """DuckDB's histogram; bins are open below and closed above, and what is no number falls into the first."""
    name = quoted(column.name)
    if isinstance(column, CategoricalColumn):
        values = ", ".join(_literal(value) for value in column.values)
        value = name if kind == "VARCHAR" else f"{name}::VARCHAR"
        return f"map_values(histogram_exact({value}, [{values}]))"
    if _whole(column, kind):
        edges = ", ".join(str(int(edge)) for edge in (column.low - 1, *column.upper))
        return f"map_values(histogram({name}::BIGINT, [{edges}]::BIGINT[]))"
    below = math.nextafter(column.low, -math.inf)
    edges = ", ".join(repr(edge) for edge in (below, *column.upper))
    value = name if kind == "DOUBLE" else f"{name}::DOUBLE"
    return f"map_values(histogram({value}, ['-inf'::DOUBLE, {edges}]::DOUBLE[]))"


def _counted(column: Column, values: list[int] | None) -> Counts:
    """Rows by bin in the edges' order, none if every value is null; categories come back in the order given."""
    held = len(column.values) if isinstance(column, CategoricalColumn) else len(column.upper)
    return np.zeros(held + 3, dtype=np.int64) if values is None else np.asarray(values, dtype=np.int64)


def _empty(
    connection: duckdb.DuckDBPyConnection, edges: Edges, found: Mapping[str, str], raw: Mapping[str, Counts]
) -> dict[str, int]:
    """Empty texts and values that are no number, asked for only where a bin holds what may be one."""
    asked = {}
    for column in edges.columns:
        name, kind, values = quoted(column.name), found[column.name], raw[column.name]
        if isinstance(column, CategoricalColumn):
            if values[len(column.values) :].any() and kind not in INTEGERS:
                asked[column.name] = f"count(*) FILTER ({name}::VARCHAR = '')"
        elif not _whole(column, kind) and values[0]:
            asked[column.name] = f"count(*) FILTER (isnan({name}::DOUBLE))"
    if not asked:
        return {}
    row = connection.execute(f"SELECT {', '.join(asked.values())} FROM batch").fetchall()[0]
    return dict(zip(asked, map(int, row), strict=True))


def _placed(column: Column, n: int, values: Counts, empty: int, kind: str) -> Counts:
    """The column's counts with the extra bins in front."""
    missing = n - int(values.sum()) + empty
    if isinstance(column, CategoricalColumn):
        held = len(column.values)
        unseen = int(values[held:].sum()) - empty
        return np.array([missing, 0, 0, unseen, *values[:held]], dtype=np.int64)
    held = len(column.upper)
    first = 1 if _whole(column, kind) else 2
    below = int(values[:first].sum()) - empty
    above = int(values[first + held :].sum())
    return np.array([missing, below, above, 0, *values[first : first + held]], dtype=np.int64)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
