"""The log itself: every index once, no place without its event, no change without its event, and the signed root."""

from typing import Any

import psycopg

from mrm.audit.log.merkle import Frontier
from mrm.audit.models import FindingKind
from mrm.audit.replay.differences import Difference, Found, shown

LEAVES = 'SELECT l."index", l.hash, l.event_id::text, e.id IS NOT NULL FROM audit_leaf AS l LEFT JOIN audit_event AS e ON e.id = l.event_id ORDER BY l."index"'
SIGNED = "SELECT size, root FROM audit_checkpoint ORDER BY epoch DESC, size DESC LIMIT 1"
LOST = """
SELECT c.event_id::text, c."table", c."row", c.op, c.before::text, c.after::text FROM audit_change AS c
 WHERE NOT EXISTS (SELECT FROM audit_event AS e WHERE e.id = c.event_id) ORDER BY c.id
"""


def check_log(raw: "psycopg.Connection[Any]", found: Found) -> None:
    """The leaves give the root that was signed last, and each belongs to an event."""
    frontier = Frontier()
    with raw.cursor(name="mrm_leaves") as cursor:
        cursor.itersize = 5_000
        for index, leaf, event, there in cursor.execute(LEAVES):
            if index != frontier.size:
                found.add(
                    Difference(
                        FindingKind.CHAIN, f"index {frontier.size}", f"index {index}", "audit_leaf", str(index), "index"
                    )
                )
                return
            frontier.append(bytes(leaf))
            if not there:
                found.add(
                    Difference(
                        FindingKind.CHAIN,
                        "the event that took the place",
                        "none",
                        "audit_leaf",
                        str(index),
                        "event_id",
                        event,
                    )
                )
    size, root = raw.execute(SIGNED).fetchone() or (0, "")
    if size != frontier.size:
        found.add(Difference(FindingKind.CHAIN, f"{size} leaves, as signed", f"{frontier.size} leaves", "audit_leaf"))
    elif size and frontier.root().hex() != root:
        found.add(
            Difference(
                FindingKind.CHAIN, f"the root {root}, as signed", f"the root {frontier.root().hex()}", "audit_leaf"
            )
        )


def check_changes(raw: "psycopg.Connection[Any]", found: Found) -> None:
    """No row change without an event: a deferred key refuses it, unless somebody took the key away."""
    with raw.cursor(name="mrm_lost") as cursor:
        for event, table, row, op, before, after in cursor.execute(LOST):
            told = shown(f"{op} of {before or ''} {after or ''}")
            found.add(Difference(FindingKind.CHANGE, "the event that explains the change", told, table, row, "", event))
