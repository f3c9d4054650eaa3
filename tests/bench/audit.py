"""The benchmarks of the trail and its log: saves, sequencer, pages over a million events, and the verifier."""

import psycopg

from mrm.project.embedded import EmbeddedPostgres
from tests.bench import paging, saves, sequencing, verifying
from tests.bench.seeding import add_events
from tests.bench.table import Row, wants

EVENTS = 1_000_000
LONG = ("sequencer drain", "live lag", "trail", "model timeline", "model as of a day", "log page", "bytes per event")
SIZES = """
SELECT avg(octet_length(payload)), (SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname = ANY(%s)), count(*)
  FROM audit_event
"""
TABLES = ["audit_event", "audit_change", "audit_leaf", "audit_subtree", "audit_checkpoint", "audit_pending"]


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    """What is wanted of it; the long trail is put in only when something is measured on it."""
    rows: list[Row] = []
    if wants(wanted, "audited save"):
        rows += saves.rows(server)
    if wants(wanted, *LONG, "inventory list", "model page"):
        add_events(server, EVENTS)
        rows += sequencing.drain(server)
        rows += _sizes(server)
        rows += paging.rows(EVENTS)
        rows += sequencing.lag(server)
    if wants(wanted, "verify"):
        rows += verifying.rows()
    return rows


def _sizes(server: EmbeddedPostgres) -> list[Row]:
    """What an event takes, all indexes and the log's own rows included."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("VACUUM audit_pending")
        payload, whole, count = connection.execute(SIZES, [TABLES]).fetchone() or (0, 0, 1)
    return [
        Row("bytes per event, payload", float(payload), "bytes", "", None),
        Row("bytes per event, everything in the database", float(whole) / count, "bytes", "", None),
    ]
