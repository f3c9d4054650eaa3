"""One process gives each event its place in the log, extends the tree, and signs what came of it.

Events wait in audit_pending, where a trigger puts them, so that a transaction which commits late is not
overlooked. What does not hold is never signed: the whole batch is refused, and said, until somebody looks.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from mrm.audit.log.merkle import Frontier, root
from mrm.audit.log.notes import Checkpoint, SigningKey, add_signature
from mrm.audit.log.tiles import WIDTH
from mrm.audit.tree import StoredTree
from mrm.core.canonical import canonical

LEADER = 0x6D726D  # the advisory lock of the one that writes
BATCH = 1_000
WAITING = """
SELECT e.id, e.payload, e.digest, e.object_type, e.object_id, e.object_seq, e.object_prev, before.digest
  FROM audit_pending AS q JOIN audit_event AS e ON e.id = q.event_id
  LEFT JOIN audit_event AS before ON before.object_type = e.object_type AND before.object_id = e.object_id
    AND before.object_seq = e.object_seq - 1
 ORDER BY (e.verb = 'audit.open_epoch') DESC, e.position LIMIT %s
"""
OPENED = """
SELECT max((e.details ->> 'epoch')::int) FROM audit_pending AS q JOIN audit_event AS e ON e.id = q.event_id
 WHERE e.verb = 'audit.open_epoch' AND e.outcome = 'done'
"""
CHANGES = """
SELECT event_id, jsonb_build_object('table', "table", 'row', "row", 'op', op, 'before', before, 'after', after)::text
  FROM audit_change WHERE event_id = ANY(%s) ORDER BY id
"""


class Tampered(Exception):
    """What is stored is not what was written; the sentence says which event and what differs."""


@dataclass(frozen=True)
class Waiting:
    id: Any
    payload: bytes
    digest: str
    object_type: str
    object_id: str
    object_seq: int
    object_prev: str
    digest_before: str | None


class Sequencer:
    """The leader of a log; `connection` is in autocommit, as the role that may write the log."""

    def __init__(self, connection: "psycopg.Connection[Any]", keys: list[SigningKey], origin: str) -> None:
        self.connection, self.keys, self.base_origin = connection, keys, origin

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
        (opened,) = cursor.fetchone() or (None,)
        self.epoch = max(self.epoch, opened or 1)
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
        with self.connection.transaction():
            batch = [Waiting(*row) for row in self.connection.execute(WAITING, [limit])]
            if not batch:
                return 0
            leaves = self._checked(batch)
            try:
                self._store(batch, leaves)
            except BaseException:
                self.unsure = True
                raise
        return len(batch)

    def _checked(self, batch: list[Waiting]) -> list[bytes]:
        changes: dict[Any, list[str]] = {}
        for event, change in self.connection.execute(CHANGES, [[each.id for each in batch]]):
            changes.setdefault(event, []).append(change)
        return [check(each, changes.get(each.id, [])) for each in batch]

    def _store(self, batch: list[Waiting], leaves: list[bytes]) -> None:
        first = self.frontier.size
        subtrees = list(self._grown(leaves))
        places = list(range(first, first + len(batch)))
        execute = self.connection.execute
        execute(
            'INSERT INTO audit_leaf ("index", event_id, hash) SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::bytea[])',
            [places, [each.id for each in batch], leaves],
        )
        for level, index, content in subtrees:
            execute('INSERT INTO audit_subtree (level, "index", hash) VALUES (%s, %s, %s)', [level, index, content])
        self._sign()
        execute("DELETE FROM audit_pending WHERE event_id = ANY(%s)", [[each.id for each in batch]])

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
        self.connection.execute(
            "INSERT INTO audit_checkpoint (epoch, size, root, note, at) VALUES (%s, %s, %s, %s, %s)",
            [self.epoch, size, tree_root.hex(), note, self.at],
        )


def origin_of(base: str, epoch: int) -> str:
    """The name under which an epoch of a log is signed: another one, so that nobody takes it for the log before."""
    return base if epoch == 1 else f"{base}/{epoch}"


def check(event: Waiting, changes: list[str]) -> bytes:
    """The leaf hash of an event whose bytes, chain and row changes hold; `Tampered` says what does not."""
    payload = bytes(event.payload)
    leaf = hashlib.sha256(b"\x00" + payload).digest()
    name = f"Event {event.id} ({event.object_type} {event.object_id}, number {event.object_seq})"
    if leaf.hex() != event.digest:
        raise Tampered(f"{name}: its bytes do not give the digest that was stored with them.")
    content = json.loads(payload)
    if canonical(content) != payload:
        raise Tampered(f"{name}: its bytes are not the canonical form of what they say.")
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
    found = [json.loads(change, parse_float=str) for change in changes]
    held = content["changes"]
    if isinstance(held, dict):
        same = held == {"count": len(found), "sha256": hashlib.sha256(canonical(found)).hexdigest()}
    else:
        same = found == held or canonical(found) == canonical(held)
    if not same:
        raise Tampered(f"{name}: the row changes stored beside it are not those it was written with.")
    return leaf


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
