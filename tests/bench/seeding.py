"""A trail as long as a bank's: events and their row changes put into the tables at once, waiting for their places."""

import datetime as dt
import json
from collections.abc import Iterable
from itertools import islice

import psycopg

from mrm.project.embedded import EmbeddedPostgres
from tests.bench.events import KIND, PERSONS, ROLES, TABLE, Record, Written, edits

HEADS = """
SELECT m.id::text, m.name, h.object_seq, h.digest, m.use_summary FROM inventory_model AS m CROSS JOIN LATERAL (
  SELECT object_seq, digest FROM audit_event WHERE object_type = %s AND object_id = m.id::text
   ORDER BY object_seq DESC LIMIT 1) AS h ORDER BY m.number
"""
EVENTS = """
COPY audit_event (id, at, verb, outcome, actor, actor_name, actor_roles, person, on_behalf_of, reason, request_id,
  subject_type, subject_id, subject_label, object_type, object_id, object_seq, object_prev, details, payload, digest)
FROM STDIN
"""
CHANGES = 'COPY audit_change (event_id, "table", "row", op, before, after) FROM STDIN'
DAY = 86_400
YEAR = 365 * DAY
AT_ONCE = 50_000


def add_events(server: EmbeddedPostgres, count: int) -> None:
    """Edit the models in turn; the chains go on where they were, and everything waits for the sequencer."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        records = [Record(*row) for row in connection.execute(HEADS, [KIND])]
        # the newest are of this moment, the oldest a year old
        began = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=YEAR)
        written = edits(records, count, began, dt.timedelta(seconds=YEAR / count))
        # as a restore writes them: the row changes before their events need no trigger to look for them
        connection.execute("SET session_replication_role = replica")
        while part := list(islice(written, AT_ONCE)):
            _copy(connection, EVENTS, map(_event, part))
            _copy(connection, CHANGES, map(_change, part))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _copy(connection: "psycopg.Connection[tuple[object, ...]]", statement: str, lines: Iterable[str]) -> None:
    with connection.cursor().copy(statement) as copy:
        block: list[str] = []
        for line in lines:
            block.append(line)
            if len(block) == 1_000:
                copy.write("".join(block))
                block.clear()
        copy.write("".join(block))


def _event(event: Written) -> str:
    who, name, person = PERSONS[event.person]
    record = event.record
    columns = (
        event.id, event.at, "inventory.edit", "done", who, name, json.dumps(ROLES), person, "", "", event.id[::-1], KIND,
        record.key, record.label, KIND, record.key, str(event.seq), event.prev, '{"fields": "use summary"}',
        rf"\\x{event.payload.hex()}", event.digest,
    )  # fmt: skip
    return "\t".join(columns) + "\n"


def _change(event: Written) -> str:
    before, after = json.dumps({"use_summary": event.before}), json.dumps({"use_summary": event.after})
    return f"{event.id}\t{TABLE}\t{event.record.key}\tupdate\t{before}\t{after}\n"
