"""Rows that a migration altered are carried over in the log, so that the log goes on giving what is live.

PostgreSQL fires no row trigger when a column comes, goes or changes its type. So for every row of such a table the
log is told: the row as it was known is gone, and the row as the migration left it is there. Of a column that was not
altered the known value counts, not the live one: what somebody forged before stays a difference.
"""

import json
from collections.abc import Iterator
from typing import Any

import psycopg

from mrm.audit.operations import CAPTURE_TRIGGER
from mrm.audit.replay.differences import Found, parsed, same
from mrm.audit.replay.events import Restored
from mrm.audit.replay.rows import Table, folded, governed_tables, live

Columns = dict[str, str]
Row = dict[str, Any]
# row, what the log knows of it, what it shall know; None where there is none
Carried = tuple[str, Row | None, Row | None]
AT_ONCE = 40_000  # bytes of rows in one event, so that it holds its changes itself
AROUND = 400  # bytes that an event spends on a row beside its columns


def columns(state: dict[str, str], table: str) -> Columns | None:
    """Column to type of a table that was governed in this state of the ground."""
    if f"trigger {CAPTURE_TRIGGER} on {table}" not in state or f"columns of {table}" not in state:
        return None
    told = (entry.split(" ", 1) for entry in state[f"columns of {table}"].split(", "))
    return dict(entry for entry in told if len(entry) == 2)


def altered(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[Columns | None, Columns | None]]:
    """The governed tables that came, went, or have other columns."""
    start = f"trigger {CAPTURE_TRIGGER} on "
    tables = sorted({name.removeprefix(start) for name in {*before, *after} if name.startswith(start)})
    pairs = {table: (columns(before, table), columns(after, table)) for table in tables}
    return {table: pair for table, pair in pairs.items() if pair[0] != pair[1]}


def carried(
    raw: "psycopg.Connection[Any]", table: str, known: Columns | None, now: Columns | None
) -> Iterator[list[Carried]]:
    """The rows of an altered table, a few at a time; `raw` is in a transaction in which nothing moves."""
    raw.execute("SET LOCAL timezone = 'UTC'")
    part: list[Carried] = []
    weight = 0
    for row in _rows(raw, table, known, now):
        part.append(row)
        weight += len(json.dumps(row[1:]).encode()) + AROUND
        if weight > AT_ONCE:
            yield part
            part, weight = [], 0
    if part:
        yield part


def _rows(raw: "psycopg.Connection[Any]", table: str, known: Columns | None, now: Columns | None) -> Iterator[Carried]:
    expected = folded(raw, table, Restored(), Found(most=2**62))
    there = iter(()) if now is None else live(raw, _as_governed(raw, table))
    kept = {name for name in now or {} if (known or {}).get(name) == (now or {})[name]}
    wanted, is_now = next(expected, None), next(there, None)
    while wanted is not None or is_now is not None:
        if is_now is None or (wanted is not None and wanted.row < is_now[0]):
            assert wanted is not None
            # the rows of a table that is no more; a row that is missing from one that is stays a difference
            if now is None and (old := wanted.columns()) is not None:
                yield wanted.row, old, None
            wanted = next(expected, None)
        elif wanted is None or is_now[0] < wanted.row:
            if known is None:
                yield is_now[0], None, parsed(is_now[1])
            is_now = next(there, None)
        else:
            old, new = wanted.columns(), parsed(is_now[1])
            if old is not None:
                new = {name: old[name] if name in kept and name in old else value for name, value in new.items()}
            if (old is not None or known is None) and not same(old, new):
                yield wanted.row, old, new
            wanted, is_now = next(expected, None), next(there, None)


def _as_governed(raw: "psycopg.Connection[Any]", table: str) -> Table:
    (found,) = governed_tables(raw, [table])
    return found
