"""Rows of a batch: repeated, shared with another batch, without their counterpart, or too old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from mrm.measures.engine import ENGINE, Batch, Engine, kinds, opened, view
from mrm.measures.estimates import Estimate
from mrm.measures.frames import quoted
from mrm.measures.intervals import wilson


@dataclass(frozen=True, slots=True)
class Found:
    """Share of rows that something is wrong with, and the first of them, from 1; None if there is none."""

    share: Estimate
    row: int | None


def duplicates(batch: Batch, columns: Sequence[str] = (), *, engine: Engine = ENGINE) -> Found:
    """Share of rows that repeat an earlier one in the named columns, or in all; the first that does.

    Missing values equal each other. Raises ValueError on absent columns and an empty batch.
    """
    with opened(batch, engine) as connection:
        names = ", ".join(quoted(name) for name in kinds(connection, columns))
        return _found(
            connection,
            f"SELECT row_number() OVER (PARTITION BY {names} ORDER BY r) > 1 AS bad, r FROM"
            f" (SELECT {names}, row_number() OVER () AS r FROM batch)",
            "rows that repeat an earlier one",
        )


def overlap(train: Batch, test: Batch, columns: Sequence[str], *, engine: Engine = ENGINE) -> Found:
    """Share of test rows that stand in the training data as well, alike in all named columns.

    Rows that are seen twice flatter the model. Missing values equal each other. Raises ValueError
    on absent columns and empty batches.
    """
    names = _named(columns)
    with opened(test, engine) as connection:
        kinds(connection, columns)
        _attach(connection, train, columns)
        same = " AND ".join(f"b.{name} IS NOT DISTINCT FROM o.{name}" for name in names)
        return _found(
            connection,
            f"SELECT EXISTS (SELECT 1 FROM (SELECT DISTINCT {', '.join(names)} FROM other) o WHERE {same}) AS bad, r"
            f" FROM (SELECT {', '.join(names)}, row_number() OVER () AS r FROM batch) b",
            "rows that the training data hold",
        )


def orphans(batch: Batch, column: str, parents: Batch, key: str, *, engine: Engine = ENGINE) -> Found:
    """Share of rows whose value in `column` is absent from `key` of the parents; a missing value is an orphan.

    Raises ValueError on absent columns and empty batches.
    """
    with opened(batch, engine) as connection:
        kinds(connection, [column])
        _attach(connection, parents, [key])
        return _found(
            connection,
            f"SELECT p.k IS NULL AS bad, r FROM (SELECT {quoted(column)} AS c, row_number() OVER () AS r FROM batch)"
            f" LEFT JOIN (SELECT DISTINCT {quoted(key)} AS k FROM other) p ON c = p.k",
            "rows without a parent",
        )


def stale(batch: Batch, column: str, as_of: datetime, within: timedelta, *, engine: Engine = ENGINE) -> Found:
    """Share of rows dated more than `within` before `as_of`, or not dated. Raises ValueError if the column holds no dates."""
    with opened(batch, engine) as connection:
        _dates(kinds(connection, [column])[column], column)
        return _found(
            connection,
            f"SELECT c IS NULL OR c < ? AS bad, r FROM"
            f" (SELECT {quoted(column)}::TIMESTAMP AS c, row_number() OVER () AS r FROM batch)",
            f"rows older than {within} or undated",
            [as_of - within],
        )


def from_the_future(batch: Batch, column: str, decided: str, *, engine: Engine = ENGINE) -> Found:
    """Share of rows whose `column` is dated after `decided`: a value that was not known when the decision fell.

    Raises ValueError if a column holds no dates.
    """
    with opened(batch, engine) as connection:
        for name in (column, decided):
            _dates(kinds(connection, [name])[name], name)
        return _found(
            connection,
            f"SELECT coalesce({quoted(column)}::TIMESTAMP > {quoted(decided)}::TIMESTAMP, false) AS bad,"
            f" row_number() OVER () AS r FROM batch",
            f"rows whose {column} is after {decided}",
        )


def _dates(kind: str, name: str) -> None:
    if kind != "DATE" and not kind.startswith("TIMESTAMP"):
        raise ValueError(f"Column {name} holds {kind}; turn it into dates or times.")


def _attach(connection: duckdb.DuckDBPyConnection, other: Batch, columns: Sequence[str]) -> None:
    view(connection, other, "other")
    missing = [name for name in columns if name not in connection.table("other").columns]
    if missing:
        raise ValueError(f"The other data have no column {', '.join(missing)}; both need the columns compared.")


def _named(columns: Sequence[str]) -> list[str]:
    if not columns:
        raise ValueError("No column is named; name those in which rows are compared.")
    return [quoted(name) for name in columns]


def _found(connection: duckdb.DuckDBPyConnection, query: str, said: str, given: Sequence[Any] = ()) -> Found:
    n, bad, row = connection.execute(
        f"SELECT count(*), count(*) FILTER (bad), min(r) FILTER (bad) FROM ({query})", list(given)
    ).fetchall()[0]
    if n == 0:
        raise ValueError("The batch holds no row; give one that does.")
    estimate = Estimate(bad / n, *wilson(bad, n), f"share of {said}; Wilson interval", n)
    return Found(estimate, None if row is None else int(row))
