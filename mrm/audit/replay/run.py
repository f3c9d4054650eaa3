"""One comparison of everything, in one view of the database in which nothing moves."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connections

from mrm.audit.governed import governed_models
from mrm.audit.models import FindingKind
from mrm.audit.replay.differences import Difference, Found, TooMany
from mrm.audit.replay.events import check_events
from mrm.audit.replay.log import check_changes, check_log
from mrm.audit.replay.rows import check_rows, folded, governed_tables

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Result:
    """What was compared and what differs; `complete` is false when the comparison stopped at too many."""

    differences: tuple[Difference, ...]
    events: int
    changes: int
    rows: int
    tables: int
    seconds: float
    complete: bool


def compared(progress: Progress) -> Result:
    """Compare in a connection of its own, so that the progress can be told on the usual one."""
    with snapshot() as raw:
        return compare(raw, progress)


def compare(raw: "psycopg.Connection[Any]", progress: Progress) -> Result:
    """Compare the log with the live rows; `raw` is in a transaction, better one in which nothing moves."""
    began = time.monotonic()
    # as the trigger copies rows, whatever the session's zone is
    raw.execute("SET LOCAL timezone = 'UTC'")
    found = Found()
    events = rows = 0
    names = sorted(model._meta.db_table for model in governed_models())
    complete = True
    try:
        check_log(raw, found)
        check_changes(raw, found)
        checked = check_events(raw, found, lambda done, total: progress("Events and their bytes", done, total))
        events = checked.events
        tables = governed_tables(raw, _existing(raw, names, found))
        for place, table in enumerate(tables):
            progress(f"Rows of {table.name}", place, len(tables))
            rows += check_rows(raw, table, checked.restored, found)
        for (name,) in raw.execute(
            'SELECT DISTINCT "table" FROM audit_change WHERE NOT ("table" = ANY(%s))', [names]
        ).fetchall():
            left = sum(row.content is not None for row in folded(raw, name, checked.restored, found))
            if left:
                found.add(Difference(FindingKind.ROW, f"{left} rows", "no governed table of this name", name))
    except TooMany:
        complete = False
    changes = raw.execute("SELECT count(*) FROM audit_change").fetchone() or (0,)
    return Result(tuple(found.all), events, changes[0], rows, len(names), time.monotonic() - began, complete)


def _existing(raw: "psycopg.Connection[Any]", names: list[str], found: Found) -> list[str]:
    """The governed tables that are there; each that is not is a difference."""
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%s)"
    existing = {name for (name,) in raw.execute(query, [names])}
    for name in names:
        if name not in existing:
            found.add(Difference(FindingKind.ROW, "a governed table", "no such table", name))
    return sorted(existing)


@contextmanager
def snapshot() -> "Iterator[psycopg.Connection[Any]]":
    """A connection of its own to the same database, in a transaction in which nothing moves."""
    connection = connections.create_connection("default")
    try:
        connection.set_autocommit(False)
        connection.ensure_connection()
        raw: psycopg.Connection[Any] | None = connection.connection
        assert raw is not None
        raw.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield raw
    finally:
        connection.close()
