"""Every event against its bytes: the digest, the columns, the row changes beside it, its chain and its place."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from operator import itemgetter
from typing import Any

import orjson
import psycopg

from mrm.audit.models import FindingKind
from mrm.audit.replay.differences import Difference, Found, as_bytes, parsed, quickly_same, same, shown
from mrm.core import blobs
from mrm.core.refusal import Refused

CHANGE = "jsonb_build_object('table', c.\"table\", 'row', c.\"row\", 'op', c.op, 'before', c.before, 'after', c.after)"
# column of the table to the place in the payload that it is read from
TEXTS = {
    "id": ("id",), "at": ("at",), "verb": ("verb",), "outcome": ("outcome",), "actor": ("actor", "key"),
    "actor_name": ("actor", "name"), "person": ("actor", "person"), "on_behalf_of": ("actor", "on_behalf_of"),
    "reason": ("reason",), "request_id": ("request_id",), "subject_type": ("subject", "type"),
    "subject_id": ("subject", "id"), "subject_label": ("subject", "label"), "object_type": ("object", "type"),
    "object_id": ("object", "id"), "object_seq": ("object", "seq"), "object_prev": ("object", "prev"),
    "actor_roles": ("actor", "roles"), "details": ("details",),
}  # fmt: skip
AS_SQL = {
    "id": "e.id::text",
    "at": "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    "actor_roles": "e.actor_roles::text",
    "details": "e.details::text",
}
JSON_COLUMNS = 2  # the last ones


def _reader(path: tuple[str, ...]) -> Callable[[Any], Any]:
    if len(path) == 1:
        return itemgetter(path[0])
    outer, inner = path
    return lambda content: content[outer][inner]


READERS = [_reader(path) for path in TEXTS.values()]
EVENTS = f"""
SELECT e.payload, e.digest, l."index", l.hash, q.event_id IS NOT NULL, b.digest, bl."index",
  (SELECT jsonb_agg({CHANGE} ORDER BY c.id)::text FROM audit_change AS c WHERE c.event_id = e.id),
  {", ".join(AS_SQL.get(name, f"e.{name}") for name in TEXTS)}
  FROM audit_event AS e
  LEFT JOIN audit_leaf AS l ON l.event_id = e.id LEFT JOIN audit_pending AS q ON q.event_id = e.id
  LEFT JOIN audit_event AS b ON b.object_type = e.object_type AND b.object_id = e.object_id
    AND b.object_seq = e.object_seq - 1
  LEFT JOIN audit_leaf AS bl ON bl.event_id = b.id
 WHERE e.position >= %s AND e.position < %s ORDER BY e.position
"""
AT_ONCE = 2_000
FACTS = 8  # what stands before the columns in EVENTS


@dataclass
class Restored:
    """The row changes of events whose stored ones are not what the bytes say; the bytes count."""

    events: set[str] = field(default_factory=set)
    changes: list[tuple[str, int, list[dict[str, Any]]]] = field(default_factory=list)


@dataclass
class Checked:
    events: int = 0
    restored: Restored = field(default_factory=Restored)


def check_events(raw: "psycopg.Connection[Any]", found: Found, progress: Callable[[int, int], None]) -> Checked:
    """Compare each event with its bytes, in the order they were written."""
    first, last = raw.execute(
        "SELECT coalesce(min(position), 0), coalesce(max(position), -1) FROM audit_event"
    ).fetchone() or (0, -1)
    checked = Checked()
    for start in range(first, last + 1, AT_ONCE):
        for row in raw.execute(EVENTS, [start, start + AT_ONCE]):
            checked.events += 1
            _check(raw, row, found, checked.restored)
        progress(min(start + AT_ONCE, last + 1) - first, last + 1 - first)
    return checked


def _check(
    raw: "psycopg.Connection[Any]",
    row: tuple[Any, ...],
    found: Found,
    restored: Restored,
) -> None:
    payload, digest, index, leaf, waits, digest_before, index_before, changes = row[:FACTS]
    event = row[FACTS]
    payload = bytes(payload)
    held = hashlib.sha256(b"\x00" + payload).digest()

    def tell(kind: str, name: str, expected: Any, is_now: Any) -> None:
        found.add(Difference(kind, shown(expected), shown(is_now), "audit_event", event, name, event))

    if held.hex() != digest:
        tell(FindingKind.EVENT, "digest", held.hex(), digest)
    if leaf is not None and bytes(leaf) != held:
        tell(
            FindingKind.EVENT,
            "payload",
            f"bytes that give the leaf hash {bytes(leaf).hex()}",
            f"bytes that give {held.hex()}",
        )
    if index is None and not waits:
        tell(FindingKind.CHAIN, "", "a place in the log, or waiting for one", "neither")
    try:
        content = orjson.loads(payload)
        differing = list(_differing(content, row[FACTS:]))
        place, stored = content["object"], content["changes"]
    except (ValueError, KeyError, TypeError):
        tell(FindingKind.EVENT, "payload", "an event in canonical JSON", "bytes that are none")
        return
    if orjson.dumps(content, option=orjson.OPT_SORT_KEYS) != payload and as_bytes(content) != payload:
        # two entries of one name, of which each reader takes another
        tell(FindingKind.EVENT, "payload", "canonical JSON", "the same written in another way")
    for name, wanted, value in differing:
        tell(FindingKind.EVENT, name, wanted, value)
    _check_chain(tell, place, index, digest_before, index_before)
    _check_changes(raw, event, stored, changes, found, restored)


def _differing(content: Any, columns: tuple[Any, ...]) -> Iterator[tuple[str, Any, Any]]:
    """Each column that is not as the bytes say: its name, what they say, and what it holds."""
    wanted = tuple(read(content) for read in READERS)
    if wanted[:-JSON_COLUMNS] != columns[:-JSON_COLUMNS]:
        for name, one, other in zip(TEXTS, wanted[:-JSON_COLUMNS], columns, strict=False):
            if one != other:
                yield name, one, other
    for name, one, text in list(zip(TEXTS, wanted, columns, strict=True))[-JSON_COLUMNS:]:
        if not (quickly_same(one, orjson.loads(text)) or same(one, parsed(text))):
            yield name, one, text


def _check_chain(
    tell: Callable[[str, str, Any, Any], None],
    place: dict[str, Any],
    index: int | None,
    digest_before: str | None,
    index_before: int | None,
) -> None:
    if digest_before is None and place["seq"] != 1:
        tell(
            FindingKind.CHAIN,
            "object_seq",
            f"event {place['seq'] - 1} of {place['type']} {place['id']} before it",
            "none",
        )
    elif place["prev"] != (digest_before or ""):
        tell(FindingKind.CHAIN, "object_prev", digest_before or "", place["prev"])
    elif digest_before is not None and index is not None and (index_before is None or index_before >= index):
        earlier = "a waiting event" if index_before is None else f"index {index_before}"
        tell(FindingKind.CHAIN, "index", f"a place after that of the event before it ({earlier})", f"index {index}")


def _check_changes(
    raw: "psycopg.Connection[Any]", event: str, held: Any, changes: str | None, found: Found, restored: Restored
) -> None:
    """The changes in the bytes against those stored beside; when they differ, the bytes count for the fold."""
    if isinstance(held, list) and quickly_same(held, orjson.loads(changes or "[]")):
        return
    stored = parsed(changes or "[]")
    if isinstance(held, dict):
        held = _fetched(event, held, stored, found)
    if held is None or same(held, stored):
        return
    restored.events.add(event)
    ids = [change for (change,) in raw.execute("SELECT id FROM audit_change WHERE event_id = %s ORDER BY id", [event])]
    restored.changes.append((event, ids[0] if ids else _id_before(raw, event), held))
    for wanted, is_now in zip_longest(held, stored):
        for difference in _between(event, wanted, is_now):
            found.add(difference)


def _fetched(event: str, held: dict[str, Any], stored: list[Any], found: Found) -> list[Any] | None:
    """A long list that the payload holds by its digest; None when the stored changes have that digest."""
    if held == {"count": len(stored), "sha256": hashlib.sha256(as_bytes(stored)).hexdigest()}:
        return None
    try:
        fetched: list[Any] = json.loads(blobs.read(held["sha256"]))
    except Refused as refusal:
        found.add(Difference(FindingKind.CHANGE, f"{held['count']} changes with the SHA-256 {held['sha256']}",
                             f"{len(stored)} others. {refusal}", "audit_change", event, "", event))  # fmt: skip
        return None
    return fetched


def _id_before(raw: "psycopg.Connection[Any]", event: str) -> int:
    """About where the changes of an event stood that has none any more: after those of the events before it."""
    before = raw.execute(
        "SELECT max(id) FROM audit_change WHERE event_id IN (SELECT b.id FROM audit_event AS b, audit_event AS e"
        " WHERE e.id = %s AND b.position < e.position ORDER BY b.position DESC LIMIT 100)",
        [event],
    ).fetchone()
    return int(before[0] or 0) if before else 0


def _between(event: str, wanted: Any, is_now: Any) -> Iterator[Difference]:
    """Where one change in the bytes and the one stored in its place differ: the row, and the field."""
    if wanted is None:
        yield Difference(FindingKind.CHANGE, "no change", shown(is_now), is_now["table"], is_now["row"], "", event)
    elif is_now is None:
        yield Difference(FindingKind.CHANGE, shown(wanted), "no change", wanted["table"], wanted["row"], "", event)
    elif any(wanted[name] != is_now[name] for name in ("table", "row", "op")):
        yield Difference(FindingKind.CHANGE, shown(wanted), shown(is_now), wanted["table"], wanted["row"], "", event)
    else:
        for side in ("before", "after"):
            one, other = wanted[side] or {}, is_now[side] or {}
            for name in sorted({*one, *other}):
                if name not in one or name not in other or not same(one[name], other[name]):
                    told = (shown(one[name]) if name in one else "", shown(other[name]) if name in other else "")
                    yield Difference(
                        FindingKind.CHANGE, *told, wanted["table"], wanted["row"], f"{name} ({side})", event
                    )
