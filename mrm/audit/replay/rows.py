"""Every governed row against the fold of its changes.

The changes of one row are ordered by the number that the trigger gave them: it was given under the row's lock, so it is
the order in which they happened, also within a transaction, where the event of an inner action closes first.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
from psycopg import sql

from mrm.audit.models import FindingKind
from mrm.audit.operations import CAPTURE_TRIGGER, split_arguments
from mrm.audit.replay.differences import Difference, Found, parsed, same, shown
from mrm.audit.replay.events import Restored

ARGUMENTS = """
SELECT c.relname, t.tgargs FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
 WHERE t.tgname = %s AND c.relnamespace = 'public'::regnamespace
"""
CHANGES = """
SELECT c."row", c.id, c.op, c.before::text, c.after::text, c.event_id::text, e.position, e.at
  FROM audit_change AS c LEFT JOIN audit_event AS e ON e.id = c.event_id
 WHERE c."table" = %s AND NOT (c.event_id = ANY(%s::uuid[])) ORDER BY c."row" COLLATE "C", c.id
"""
LIVE = """
SELECT r.key, r.content FROM (SELECT to_jsonb(t) ->> {key} AS key, audit_veil(to_jsonb(t) - {secret}::text[], {personal}::text[], false)::text AS content
                                FROM {table} AS t) AS r ORDER BY r.key COLLATE "C"
"""
FETCHED = 2_000
ABSENT = object()


@dataclass(frozen=True)
class Table:
    """A governed table as its trigger knows it: the column of its key, those never copied, those copied as commitments."""

    name: str
    key: str
    secret: tuple[str, ...]
    personal: tuple[str, ...]


# row, number, op, before, after, event, position, at
Change = tuple[str, float, str, Any, Any, str, int | None, Any]


def governed_tables(raw: "psycopg.Connection[Any]", names: Iterable[str]) -> list[Table]:
    """The governed tables; one whose trigger is gone is compared all the same, by its primary key."""
    told = {name: bytes(args).decode().split("\0")[:-1] for name, args in raw.execute(ARGUMENTS, [CAPTURE_TRIGGER])}
    tables = []
    for name in sorted(names):
        key, secret, personal = split_arguments(told.get(name) or [_primary_key(raw, name)])
        tables.append(Table(name, key, tuple(secret), tuple(personal)))
    return tables


def _primary_key(raw: "psycopg.Connection[Any]", table: str) -> str:
    found = raw.execute(
        "SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        " WHERE i.indisprimary AND i.indrelid = %s::regclass",
        [f'public."{table}"'],
    ).fetchone()
    return str(found[0]) if found else "id"


@dataclass
class Folded:
    """What the log says of one row: its columns, or None when it is deleted; and the last event on it."""

    row: str
    content: Any  # the text of the only change while there is one, so that most rows are never parsed
    event: str

    def columns(self) -> dict[str, Any] | None:
        if isinstance(self.content, str):
            self.content = parsed(self.content)
        columns: dict[str, Any] | None = self.content
        return columns


def folded(raw: "psycopg.Connection[Any]", table: str, restored: Restored, found: Found) -> Iterator[Folded]:
    """The rows that the log says a table has or had, in the order of their keys."""
    with raw.cursor(name=f"mrm_changes_{table}"[:63]) as cursor:
        cursor.itersize = FETCHED
        stored = cursor.execute(CHANGES, [table, sorted(restored.events)])
        changes = heapq.merge(stored, sorted(_restored(table, restored)), key=lambda change: (change[0], change[1]))
        for row, group in groupby(changes, key=lambda change: change[0]):
            yield _fold(table, row, group, found)


def _restored(table: str, restored: Restored) -> Iterator[Change]:
    for event, number, changes in restored.changes:
        for place, change in enumerate(changes, 1):
            if change["table"] == table:
                yield (
                    change["row"],
                    number + place / (len(changes) + 1),
                    change["op"],
                    change["before"],
                    change["after"],
                    event,
                    None,
                    None,
                )


def _fold(table: str, row: str, changes: Iterable[Change], found: Found) -> Folded:
    state = Folded(row, None, "")
    position, moment = 0, None
    for _, _, op, before, after, event, at_position, at in changes:
        if at_position is not None:
            if at_position < position and at != moment:
                found.add(
                    Difference(
                        FindingKind.CHAIN,
                        "events in the order of the changes",
                        f"event {event} out of order",
                        table,
                        row,
                        "",
                        event,
                    )
                )
            position, moment = at_position, at
        if op == "insert":
            if state.content is not None:
                found.add(
                    Difference(FindingKind.ROW, "a row that was there already", "made once more", table, row, "", event)
                )
            state.content = after
        else:
            _check_before(table, state, op, _columns(before), event, found)
            state.content = None if op == "delete" else {**(state.columns() or {}), **(_columns(after) or {})}
        state.event = event
    return state


def _columns(value: Any) -> Any:
    return parsed(value) if isinstance(value, str) else value


def _check_before(table: str, state: Folded, op: str, before: dict[str, Any], event: str, found: Found) -> None:
    """A change says what was there before; when the log says otherwise, somebody wrote in between without an event."""
    known = state.columns()
    if known is None:
        found.add(
            Difference(FindingKind.ROW, "no row yet", f"{op} of a row that was there", table, state.row, "", event)
        )
        return
    for name in sorted({*before, *known} if op == "delete" else before):
        one, other = known.get(name, ABSENT), before.get(name, ABSENT)
        if not _alike(one, other):
            found.add(
                Difference(
                    FindingKind.ROW, _told(one), f"{_told(other)}, when the event came", table, state.row, name, event
                )
            )


def _alike(one: Any, other: Any) -> bool:
    return one is other or (one is not ABSENT and other is not ABSENT and same(one, other))


def _told(value: Any) -> str:
    return "no such column" if value is ABSENT else shown(value)


def live(raw: "psycopg.Connection[Any]", table: Table) -> Iterator[tuple[str, str]]:
    """Key and columns of every row that is there, rows of child tables included."""
    query = sql.SQL(LIVE).format(
        key=sql.Literal(table.key), secret=sql.Literal(list(table.secret)), personal=sql.Literal(list(table.personal)),
        table=sql.Identifier(table.name),
    )  # fmt: skip
    with raw.cursor(name=f"mrm_live_{table.name}"[:63]) as cursor:
        cursor.itersize = FETCHED
        yield from cursor.execute(query)


def check_rows(raw: "psycopg.Connection[Any]", table: Table, restored: Restored, found: Found) -> int:
    """Compare the live rows of a table with the fold of its changes; how many rows there are."""
    count = 0
    expected = folded(raw, table.name, restored, found)
    wanted = next(expected, None)
    for key, content in live(raw, table):
        count += 1
        while wanted is not None and wanted.row < key:
            _missing(table.name, wanted, found)
            wanted = next(expected, None)
        if wanted is None or wanted.row != key or wanted.content is None:
            found.add(
                Difference(
                    FindingKind.ROW,
                    "no row",
                    shown(content),
                    table.name,
                    key,
                    "",
                    wanted.event if wanted and wanted.row == key else "",
                )
            )
            continue
        if wanted.content != content:
            _compare(table.name, wanted, parsed(content), found)
        wanted = next(expected, None)
    while wanted is not None:
        _missing(table.name, wanted, found)
        wanted = next(expected, None)
    return count


def _missing(table: str, wanted: Folded, found: Found) -> None:
    if wanted.content is not None:
        found.add(Difference(FindingKind.ROW, shown(wanted.columns()), "no row", table, wanted.row, "", wanted.event))


def _compare(table: str, wanted: Folded, is_now: dict[str, Any], found: Found) -> None:
    columns = wanted.columns() or {}
    for name in sorted({*columns, *is_now}):
        one, other = columns.get(name, ABSENT), is_now.get(name, ABSENT)
        if not _alike(one, other):
            found.add(Difference(FindingKind.ROW, _told(one), _told(other), table, wanted.row, name, wanted.event))
