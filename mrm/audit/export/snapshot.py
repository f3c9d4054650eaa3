"""One consistent view of the database for a bundle: the log as it was signed last, and the rows that belong to it."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mrm.audit.governed import governed_models
from mrm.audit.operations import CAPTURE_TRIGGER, split_arguments
from mrm.audit.personal import MARK, salt, unseal
from mrm.audit.tree import StoredTree
from mrm.core.canonical import canonical
from mrm.core.registry import Registry

# what areas above pin their decisions to: name of the folder in the bundle to its files, by digest
PINNED: Registry[Callable[[], Iterable[tuple[str, bytes]]]] = Registry("content pinned by digest")

COLUMNS = (
    "id", "position", "at", "verb", "outcome", "actor", "actor_name", "actor_roles", "person", "on_behalf_of", "reason",
    "request_id", "subject_type", "subject_id", "subject_label", "object_type", "object_id", "object_seq", "object_prev",
    "details", "digest",
)  # fmt: skip
_READ = {"at": "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"}
_PAIRS = ", ".join(f"'{name}', {_READ.get(name, f'e.{name}')}" for name in COLUMNS)
EVENTS = f"""
SELECT l."index", e.payload, jsonb_build_object({_PAIRS})::text
  FROM audit_leaf AS l JOIN audit_event AS e ON e.id = l.event_id
"""
WAITING_CHANGES = """
SELECT c."row", c.op, c.before::text FROM audit_pending AS q JOIN audit_event AS e ON e.id = q.event_id
  JOIN audit_change AS c ON c.event_id = q.event_id WHERE c."table" = %s ORDER BY e.position DESC, c.id DESC
"""
AT_ONCE = 2_000


class Snapshot:
    """Reads of one transaction in which nothing moves."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self.tree = StoredTree(cursor)
        self.size = self.tree.size()

    def checkpoints(self) -> Iterator[dict[str, Any]]:
        yield from self._rows(
            "SELECT size, root, at, note FROM audit_checkpoint ORDER BY epoch, size", ("size", "root", "at", "note")
        )

    def keys(self) -> list[str]:
        self.cursor.execute("SELECT vkey FROM audit_logkey ORDER BY at, id")
        return [vkey for (vkey,) in self.cursor.fetchall()]

    def epochs(self) -> list[tuple[int, int]]:
        """Number of each epoch and the size at which it began."""
        self.cursor.execute("SELECT epoch, min(size) FROM audit_checkpoint GROUP BY epoch ORDER BY epoch")
        return [(epoch, 0 if epoch == 1 else first) for epoch, first in self.cursor.fetchall()]

    def payloads(self, first: int, width: int) -> list[bytes]:
        self.cursor.execute(
            "SELECT e.payload FROM audit_leaf AS l JOIN audit_event AS e ON e.id = l.event_id"
            ' WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"',
            [first, first + width],
        )
        return [bytes(payload) for (payload,) in self.cursor.fetchall()]

    def events(self, first: int = 0) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """Index, payload and columns of every event from an index on, in order."""
        while first < self.size:
            self.cursor.execute(
                f'{EVENTS} WHERE l."index" >= %s AND l."index" < %s ORDER BY l."index"', [first, first + AT_ONCE]
            )
            yield from self._events()
            first += AT_ONCE

    def events_of(self, kind: str, key: str) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        """The same of one object's chain."""
        self.cursor.execute(
            f"{EVENTS} WHERE e.object_type = %s AND e.object_id = %s ORDER BY e.object_seq", [kind, key]
        )
        yield from self._events()

    def tables(self) -> dict[str, dict[str, Any]]:
        """Each governed table: the column of its key, and those that are never copied into the trail."""
        self.cursor.execute(
            "SELECT c.relname, t.tgargs FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid WHERE t.tgname = %s",
            [CAPTURE_TRIGGER],
        )
        arguments = {table: bytes(told).decode().split("\0")[:-1] for table, told in self.cursor.fetchall()}
        names = sorted(model._meta.db_table for model in governed_models())
        return {
            name: dict(zip(("key", "secret", "personal"), split_arguments(arguments[name]), strict=True))
            for name in names
        }

    def rows(self, table: str, key: str, secret: list[str], personal: list[str]) -> Iterator[bytes]:
        """The rows as they were when the last checkpoint was signed: what waits for the log is taken back."""
        undone = self._undone(table)
        self.cursor.execute(
            f'SELECT audit_veil(to_jsonb(t) - %s::text[], %s::text[], false)::text FROM "{table}" AS t ORDER BY "{key}"',
            [secret, personal],
        )
        while part := self.cursor.fetchmany(AT_ONCE):
            for (text,) in part:
                row = json.loads(text, parse_float=str)
                before = undone.pop(_text(row[key]), row)
                if before is not None:
                    yield canonical({**row, **before})
        yield from (canonical(row) for row in undone.values() if row)

    def disclosures(self, among: set[str] | None = None) -> Iterator[dict[str, str]]:
        """What lies behind the commitments, of all or of some, where the person's key still exists."""
        self.cursor.execute(
            "SELECT d.commitment, d.person, d.sealed, k.key FROM audit_disclosure AS d JOIN audit_personalkey AS k"
            ' ON k.person = d.person WHERE k.key IS NOT NULL ORDER BY d.commitment COLLATE "C"'
        )
        while part := self.cursor.fetchmany(AT_ONCE):
            for commitment, person, sealed, key in part:
                if among is None or commitment in among:
                    value = unseal(bytes(key), commitment, bytes(sealed))
                    told = {"commitment": commitment.removeprefix(MARK), "person": person, "value": value}
                    yield {**told, "salt": salt(bytes(key), value.encode()).hex()}

    def _undone(self, table: str) -> dict[str, dict[str, Any] | None]:
        """For rows with waiting changes: the columns as they were before, or None where there was no row."""
        self.cursor.execute(WAITING_CHANGES, [table])
        found: dict[str, dict[str, Any] | None] = {}
        for row, op, before in self.cursor.fetchall():
            if op == "insert":
                found[row] = None
            else:
                found[row] = {**(found.get(row) or {}), **json.loads(before, parse_float=str)}
        return found

    def _events(self) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
        for index, payload, columns in self.cursor.fetchall():
            yield index, bytes(payload), json.loads(columns, parse_float=str)

    def _rows(self, query: str, names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        self.cursor.execute(query)
        for row in self.cursor.fetchall():
            yield dict(zip(names, row, strict=True))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
