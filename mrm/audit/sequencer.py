"""One process gives each event its place in the log, extends the tree, and signs what came of it.

Events wait in audit_pending, where a trigger puts them, so that a transaction which commits late is not
overlooked. What does not hold is never signed: the whole batch is refused, and said, until somebody looks.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import psycopg

from mrm.audit.log.merkle import Frontier, root
from mrm.audit.log.notes import Checkpoint, SigningKey, add_signature
from mrm.audit.log.tiles import WIDTH
from mrm.audit.tree import StoredTree
from mrm.core.canonical import canonical, is_written, parse

LEADER = 0x6D726D  # the advisory lock of the one that writes
BATCH = 1_000
PART = 200  # events that travel together: while one part is checked the database reads the next
WAITING = """
DECLARE waiting NO SCROLL CURSOR FOR
SELECT q.position, q.event_id::text, e.id::text, e.payload, e.digest, e.object_type, e.object_id, e.object_seq,
  e.object_prev, before.digest,
  (SELECT json_agg(json_build_object('table', c."table", 'row', c."row", 'op', c.op, 'before', c.before, 'after', c.after)
          ORDER BY c.id)::text FROM audit_change AS c WHERE c.event_id = q.event_id)
  FROM (SELECT position, event_id FROM audit_pending WHERE {which} ORDER BY position LIMIT {limit:d}) AS q
  LEFT JOIN audit_event AS e ON e.position = q.position
  LEFT JOIN audit_event AS before ON before.object_type = e.object_type AND before.object_id = e.object_id
    AND before.object_seq = e.object_seq - 1
 ORDER BY q.position
"""
LEAVES = """
INSERT INTO audit_leaf ("index", event_id, hash)
SELECT %s + place - 1, event, substring(%b FROM 32 * place::int - 31 FOR 32)
  FROM unnest(%s::uuid[]) WITH ORDINALITY AS t(event, place)
"""
OPENED = """
SELECT (e.details ->> 'epoch')::int, q.position FROM audit_pending AS q JOIN audit_event AS e ON e.position = q.position
 WHERE e.verb = 'audit.open_epoch' AND e.outcome = 'done' ORDER BY 1 DESC LIMIT 1
"""


class Tampered(Exception):
    """What is stored is not what was written; the sentence says which event and what differs."""


class Waiting(NamedTuple):
    """An event that waits, as it is stored, with the row changes beside it as JSON."""

    position: int
    event: str
    id: str
    payload: bytes
    digest: str
    object_type: str
    object_id: str
    object_seq: int
    object_prev: str
    digest_before: str | None
    changes: str | None


class Sequencer:
    """The leader of a log; `connection` is in autocommit, as the role that may write the log."""

    def __init__(self, connection: "psycopg.Connection[Any]", keys: list[SigningKey], origin: str) -> None:
        self.connection, self.keys, self.base_origin = connection, keys, origin
        # binary results need parameters that the server binds; a connection of Django binds them here
        connection.cursor_factory = psycopg.Cursor

    def lead(self) -> None:
        """Wait until no other sequencer leads, then take up the log as it is stored."""
        self.connection.execute("SELECT pg_advisory_lock(%s)", [LEADER])
        self.load()
        self.use(self.keys)

    def use(self, keys: list[SigningKey]) -> None:
        """Sign with these keys from the next checkpoint on; their public halves are kept."""
        self.keys = keys
        for key in keys:
            self.connection.execute(
                "INSERT INTO audit_logkey (vkey, at) VALUES (%s, now()) ON CONFLICT (vkey) DO NOTHING", [key.vkey]
            )

    def load(self) -> None:
        """Read the log's state and check it against the last checkpoint."""
        cursor = self.connection.cursor()
        tree = StoredTree(cursor)
        size = tree.size()
        cursor.execute("SELECT epoch, size, root, at FROM audit_checkpoint ORDER BY epoch DESC, size DESC LIMIT 1")
        found: tuple[int, int, str, dt.datetime | None] = cursor.fetchone() or (1, 0, "", None)
        self.epoch, signed, signed_root, self.at = found
        cursor.execute(OPENED)
        opening: tuple[int, int | None] = cursor.fetchone() or (1, None)
        self.epoch, self.opening = max(self.epoch, opening[0]), opening[1]
        if size != signed:
            raise Tampered(f"The log holds {size} leaves, but the last checkpoint signed {signed}.")
        self.frontier: Frontier = tree.frontier(size)
        if size and self.frontier.root().hex() != signed_root:
            raise Tampered(f"The {size} stored leaves do not give the root that the last checkpoint signed.")
        self.partial = _partial_tiles(tree, size)
        self.unsure = False

    @property
    def origin(self) -> str:
        return origin_of(self.base_origin, self.epoch)

    def step(self, limit: int = BATCH) -> int:
        """Give the next events their place, all of them or none; how many there were."""
        if self.unsure:
            self.load()
        self.unsure = True
        before = self.frontier.size
        with self.connection.transaction(), self.connection.pipeline():
            positions = self._placed(limit)
            if positions:
                self._sign()
                self._execute("DELETE FROM audit_pending WHERE position = ANY(%s::bigint[])", [_array(positions)])
        self.unsure, self.opening = False, None
        return self.frontier.size - before

    def _placed(self, limit: int) -> list[int]:
        """Put what waits into the tree, in parts: the database reads one while the one before is checked."""
        # what opens an epoch stands first in it
        which = "true" if self.opening is None else f"position = {self.opening:d}"
        self._execute(WAITING.format(which=which, limit=limit))
        positions: list[int] = []
        coming = self._fetch()
        while batch := [Waiting(*row) for row in coming.fetchall()]:
            coming = self._fetch()
            leaves = [check(each) for each in batch]
            self._execute(LEAVES, [self.frontier.size, b"".join(leaves), _array(each.id for each in batch)])
            for subtree in self._grown(leaves):
                self._execute('INSERT INTO audit_subtree (level, "index", hash) VALUES (%s, %s, %s)', list(subtree))
            positions += (each.position for each in batch)
        return positions

    def _fetch(self) -> "psycopg.Cursor[Any]":
        return self.connection.execute(f"FETCH {PART} FROM waiting", binary=True)

    def _execute(self, statement: str, parameters: list[Any] | None = None) -> None:
        self.connection.execute(statement, parameters)

    def _grown(self, leaves: Iterable[bytes]) -> Iterable[tuple[int, int, bytes]]:
        """Append to the tree; the subtrees that became complete."""
        for leaf in leaves:
            self.frontier.append(leaf)
            level, content = 0, leaf
            while True:
                if level == len(self.partial):
                    self.partial.append([])
                row = self.partial[level]
                row.append(content)
                if len(row) < WIDTH:
                    break
                content = root(row)
                row.clear()
                level += 1
                yield level, self.frontier.size // WIDTH**level - 1, content

    def _sign(self) -> None:
        size, tree_root = self.frontier.size, self.frontier.root()
        text = Checkpoint(self.origin, size, tree_root).text()
        note = self.keys[0].sign(text)
        for key in self.keys[1:]:
            note = add_signature(note, key)
        now = dt.datetime.now(dt.UTC)
        # a clock that was set back does not order the checkpoints
        self.at = max(now, self.at) if self.at else now
        self._execute(
            "INSERT INTO audit_checkpoint (epoch, size, root, note, at) VALUES (%s, %s, %s, %s, %s)",
            [self.epoch, size, tree_root.hex(), note, self.at],
        )


def origin_of(base: str, epoch: int) -> str:
    """The name under which an epoch of a log is signed: another one, so that nobody takes it for the log before."""
    return base if epoch == 1 else f"{base}/{epoch}"


def check(event: Waiting) -> bytes:
    """The leaf hash of an event whose bytes, chain and row changes hold; `Tampered` says what does not."""
    if event.id != event.event:
        raise Tampered(f"Event {event.event} waits for its place, but there is none of this id at {event.position}.")
    payload = event.payload
    leaf = hashlib.sha256(b"\x00" + payload)
    name = f"Event {event.id} ({event.object_type} {event.object_id}, number {event.object_seq})"
    if leaf.hexdigest() != event.digest:
        raise Tampered(f"{name}: its bytes do not give the digest that was stored with them.")
    content = _content(name, payload)
    place = content["object"]
    if (place["type"], place["id"], place["seq"], place["prev"]) != (
        event.object_type,
        event.object_id,
        event.object_seq,
        event.object_prev,
    ):
        raise Tampered(f"{name}: its columns place it elsewhere than its bytes do.")
    if event.object_prev != (event.digest_before or "") or (event.digest_before is None and event.object_seq != 1):
        raise Tampered(f"{name}: the event before it on the same record is not the one it names.")
    found = parse(event.changes) if event.changes else []
    # in most cases the event with the changes found is, byte for byte, the event as it was written
    if not is_written({**content, "changes": found}, payload):
        _look_closer(name, content, payload, found)
    return leaf.digest()


def _content(name: str, payload: bytes) -> dict[str, Any]:
    try:
        content: dict[str, Any] = parse(payload.decode())
    except ValueError:
        raise Tampered(f"{name}: its bytes are not JSON.") from None
    return content


def _look_closer(name: str, content: dict[str, Any], payload: bytes, found: list[dict[str, Any]]) -> None:
    """For what is not plain at once: changes held by their digest, text in other scripts, and what was tampered with."""
    if canonical(content) != payload:
        raise Tampered(f"{name}: its bytes are not the canonical form of what they say.")
    held, written = content["changes"], canonical(found)
    if isinstance(held, dict):
        same = held == {"count": len(found), "sha256": hashlib.sha256(written).hexdigest()}
    else:
        same = written == canonical(held)
    if not same:
        raise Tampered(f"{name}: the row changes stored beside it are not those it was written with.")


def _array(values: Iterable[Any]) -> str:
    """Numbers or UUIDs as PostgreSQL writes an array, which it reads faster than a list of parameters."""
    return f"{{{','.join(map(str, values))}}}"


def _partial_tiles(tree: StoredTree, size: int) -> list[list[bytes]]:
    """The hashes of the last, incomplete tile at each level."""
    partial = []
    level = 0
    while size:
        width = size % WIDTH
        content = tree.tile(level, size // WIDTH)[: width * 32] if width else b""
        partial.append([content[place : place + 32] for place in range(0, len(content), 32)])
        size //= WIDTH
        level += 1
    return partial
