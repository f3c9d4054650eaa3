"""The sequencer: how many events a second it gives a place, and how long an event waits for one while eight write."""

import os
import statistics
import subprocess
import sys
import time

import psycopg
from django.conf import settings
from django.db import connection

from mrm.audit import keys
from mrm.audit.sequencer import Sequencer
from mrm.project.embedded import EmbeddedPostgres
from tests.bench import hammer, saves
from tests.bench.ground import ROOT
from tests.bench.table import ROUNDS, Row

BATCHES = (100, 1_000, 5_000)
TAKEN = 20_000  # events of a round
AT_LEAST = 30_000
LAG_SECONDS = 4.0
LAGS = """
SELECT percentile_cont(%s) WITHIN GROUP (ORDER BY extract(epoch FROM c.at - e.at)::float8), count(*)
  FROM audit_event AS e JOIN audit_leaf AS l ON l.event_id = e.id CROSS JOIN LATERAL (
    SELECT at FROM audit_checkpoint WHERE epoch = 1 AND size > l."index" ORDER BY size LIMIT 1) AS c
 WHERE e.position > %s
"""


def drain(server: EmbeddedPostgres) -> list[Row]:
    """Take what waits in batches of several sizes, round by round; then all the rest."""
    taken: dict[int, list[float]] = {size: [] for size in BATCHES}
    key = keys.make(settings.LOG_KEY, settings.LOG_ORIGIN)
    with psycopg.connect(server.url("mrm_log"), autocommit=True) as raw:
        sequencer = Sequencer(raw, [key], settings.LOG_ORIGIN)
        sequencer.lead()
        sequencer.step(TAKEN)
        for _ in range(ROUNDS):
            for size in BATCHES:
                taken[size].append(_rate(sequencer, size))
        best = max(BATCHES, key=lambda size: statistics.median(taken[size]))
        while sequencer.step(best):
            pass
    found = []
    for size in BATCHES:
        rate = statistics.median(taken[size])
        goal, holds = (f"at least {AT_LEAST:,}", rate >= AT_LEAST) if size == best else ("", None)
        found.append(Row(f"sequencer drain, batches of {size:,}", rate, "events/s", goal, holds))
    return found


def _rate(sequencer: Sequencer, size: int) -> float:
    began, done = time.perf_counter(), 0
    while done < TAKEN:
        step = sequencer.step(size)
        if not step:
            raise RuntimeError("the queue ran empty while it was measured")
        done += step
    return done / (time.perf_counter() - began)


def lag(server: EmbeddedPostgres) -> list[Row]:
    """From an event's time to that of the first checkpoint that covers it, while eight processes save all they can."""
    saves.units()
    command = [sys.executable, "manage.py", "sequencer"]
    sequencer = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"MRM_DB_ROLE": "log"}, stdout=subprocess.PIPE, text=True
    )
    assert sequencer.stdout is not None
    try:
        for line in sequencer.stdout:
            if line.startswith("Leading"):
                break
        rounds = [_lag(server) for _ in range(ROUNDS)]
    finally:
        sequencer.terminate()
        sequencer.stdout.read()
        sequencer.wait(60)
    worst, rate = (statistics.median(values) for values in zip(*rounds, strict=True))
    return [
        Row("live lag until signed, p95, 8 writers", worst, "s", "under 1 s", worst < 1),
        Row("audited save, 8 processes, with the sequencer", rate, "saves/s", "", None),
    ]


def _lag(server: EmbeddedPostgres) -> tuple[float, float]:
    with psycopg.connect(server.url("postgres"), autocommit=True) as raw:
        last = (raw.execute("SELECT max(position) FROM audit_event").fetchone() or (0,))[0]
        connection.close()
        rate = hammer.saves_per_second(saves.audited, saves.PROCESSES, LAG_SECONDS)
        while (raw.execute("SELECT count(*) FROM audit_pending").fetchone() or (0,))[0]:
            time.sleep(0.1)
        found, count = raw.execute(LAGS, [0.95, last]).fetchone() or (None, 0)
    if not count:
        raise RuntimeError("nothing was sequenced while it was measured")
    return float(found), rate
