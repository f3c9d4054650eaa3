"""Bins frozen on the reference: made once, kept as data, never made anew from what is compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from mrm.measures.engine import ENGINE, FLOATS, INTEGERS, TEXT, Batch, Engine, kinds, opened
from mrm.measures.frames import quoted

BINS = 10
CATEGORIES = 1_000


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """Bins up to and including each of `upper`, the first from `low`; standard deviation of the reference.

    `low` and the last of `upper` are the smallest and largest value of the reference.
    """

    name: str
    low: float
    upper: tuple[float, ...]
    deviation: float


@dataclass(frozen=True, slots=True)
class CategoricalColumn:
    """One bin for each value of the reference, in order of the alphabet."""

    name: str
    values: tuple[str, ...]


Column = NumericColumn | CategoricalColumn


@dataclass(frozen=True, slots=True)
class Edges:
    """The bins of every column and the number of rows they were made from."""

    columns: tuple[Column, ...]
    rows: int

    def column(self, name: str) -> Column:
        """The bins of one column. Raises ValueError if it was not frozen."""
        for each in self.columns:
            if each.name == name:
                return each
        raise ValueError(
            f"Column {name} was not frozen; the frozen ones are {', '.join(c.name for c in self.columns)}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values, from which `from_dict` makes the same edges."""
        return {"rows": self.rows, "columns": [asdict(each) for each in self.columns]}

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def from_dict(data: Mapping[str, Any]) -> Edges:
    """Edges from their plain form. Raises ValueError if it is not one."""
    try:
        return Edges(tuple(_column(each) for each in data["columns"]), int(data["rows"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"The data hold no frozen edges: {error}. Freeze them on the reference.") from error


def freeze(
    reference: Batch, columns: Sequence[str] = (), *, categorical: Sequence[str] = (), bins: int = BINS,
    engine: Engine = ENGINE,
) -> Edges:  # fmt: skip
    """Bins of a reference: quantiles of numbers, the values of text, in the order given or the file's.

    Quantiles are values of the reference that at most k / `bins` of its rows lie below; equal ones
    make one bin. Columns named in `categorical` count as text whatever they hold. Raises ValueError
    on columns that are absent, hold no value, dates, or over 1,000 categories.
    """
    if bins < 2:
        raise ValueError(f"{bins} bins cannot show a shift; give two or more.")
    with opened(reference, engine) as connection:
        found = kinds(connection, columns)
        total = connection.execute("SELECT count(*) FROM batch").fetchall()[0][0]
        frozen = [
            _text(connection, name) if name in categorical or kind in TEXT else _numbers(connection, name, kind, bins)
            for name, kind in found.items()
        ]
    return Edges(tuple(frozen), int(total))


def _column(data: Mapping[str, Any]) -> Column:
    if "values" in data:
        return CategoricalColumn(str(data["name"]), tuple(str(each) for each in data["values"]))
    upper = tuple(float(each) for each in data["upper"])
    low = float(data["low"])
    if not upper or list(upper) != sorted(set(upper)) or low > upper[0]:
        raise ValueError(f"The edges of column {data['name']} do not rise; freeze them anew on the reference.")
    return NumericColumn(str(data["name"]), low, upper, float(data["deviation"]))


def _numbers(connection: duckdb.DuckDBPyConnection, name: str, kind: str, bins: int) -> NumericColumn:
    if kind not in FLOATS and kind not in INTEGERS and not kind.startswith("DECIMAL"):
        raise ValueError(f"Column {name} holds {kind}; turn it into numbers, such as days, or into text.")
    value = quoted(name) if kind in INTEGERS else f"{quoted(name)}::DOUBLE"
    levels = ", ".join(str(k / bins) for k in range(1, bins))
    where = "" if kind in INTEGERS else f" WHERE isfinite({value})"
    rows = connection.execute(
        f"SELECT quantile_disc({value}, [{levels}]), min({value}), max({value}), stddev_samp({value}) FROM batch{where}"
    ).fetchall()
    quantiles, low, high, deviation = rows[0]
    if low is None:
        raise ValueError(f"Column {name} has no value in the reference; leave it out or take another reference.")
    upper = sorted({*map(float, quantiles), float(high)})
    # nine digits: a sum of floats depends on the order of rows, the edges must not
    return NumericColumn(name, float(low), tuple(upper), float(f"{deviation or 0.0:.9g}"))


def _text(connection: duckdb.DuckDBPyConnection, name: str) -> CategoricalColumn:
    value = f"{quoted(name)}::VARCHAR"
    rows = connection.execute(
        f"SELECT DISTINCT {value} AS v FROM batch WHERE {value} <> '' ORDER BY v LIMIT {CATEGORIES + 1}"
    ).fetchall()
    if not rows:
        raise ValueError(f"Column {name} has no value in the reference; leave it out or take another reference.")
    if len(rows) > CATEGORIES:
        raise ValueError(f"Column {name} has over {CATEGORIES:,} categories; group them first, or leave it out.")
    return CategoricalColumn(name, tuple(each[0] for each in rows))
