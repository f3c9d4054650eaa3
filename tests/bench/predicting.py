"""The prediction log: complete files of a gateway into PostgreSQL, against COPY of the same rows and nothing else."""

import datetime as dt
import json
import statistics
import tempfile
import time
from pathlib import Path

import psycopg

from mrm.prediction import services
from mrm.prediction.models import Prediction
from mrm.project.embedded import EmbeddedPostgres
from tests.bench.table import Row, wants
from tests.factories.prediction import an_answer, spooled

ROWS, FILES, ROUNDS = 20_000, 10, 3
GOAL = 30_000.0
NAME = "prediction log, rows taken in a second"


def run(server: EmbeddedPostgres, wanted: list[str]) -> list[Row]:
    """Rows of ten features, 20,000 a file; both ways into tables with the same indexes."""
    if not wants(wanted, NAME):
        return []
    with tempfile.TemporaryDirectory(prefix="mrm-bench-spool-") as place:
        folder = Path(place)
        services.make_ready()
        taken = statistics.median(_taken(folder) for _ in range(ROUNDS))
        bare = statistics.median(_bare(server) for _ in range(ROUNDS))
    return [Row(NAME, taken, "rows/s", f"at least {GOAL:,.0f}", taken >= GOAL, "bare COPY", bare, taken / bare)]


def _taken(folder: Path) -> float:
    given = {f"x{number}": [0.123456 * number] for number in range(10)}
    for _ in range(FILES):
        now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
        lines = [json.dumps(an_answer(inputs=given, at=now)).encode() for _ in range(ROWS)]
        spooled(folder, list(lines))
    began = time.perf_counter()
    assert services.take([folder]).rows == ROWS * FILES
    return ROWS * FILES / (time.perf_counter() - began)


def _bare(server: EmbeddedPostgres) -> float:
    """What was taken in last, read into memory and copied into a table like the log's."""
    last = Prediction.objects.order_by("-file").values_list("file", flat=True)[0] - FILES
    with psycopg.connect(server.url("mrm_owner"), autocommit=True) as owner:
        owner.execute("DROP TABLE IF EXISTS bench_log")
        owner.execute("CREATE TABLE bench_log (LIKE prediction_log INCLUDING INDEXES)")
        cursor = owner.cursor()
        with cursor.copy(f"COPY (SELECT * FROM prediction_log WHERE file > {last}) TO STDOUT") as source:
            content = [bytes(piece) for piece in source]
        began = time.perf_counter()
        with cursor.copy("COPY bench_log FROM STDIN") as target:
            for start in range(0, len(content), 2_000):
                target.write(b"".join(content[start : start + 2_000]))
        return len(content) / (time.perf_counter() - began)
