"""Counting by frozen edges against the bare histogram query, and a million scores to their measures."""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.metrics import roc_auc_score

from mrm.measures import score_tables
from mrm.measures.stability.counts import Summary, summarise
from mrm.measures.stability.edges import Edges, NumericColumn, freeze
from mrm.measures.stability.index import characteristic_stability
from mrm.measures.tables import ParquetBatch, Spec
from mrm.measures.tables import summarise as tabulate
from tests.bench.ground import ROOT
from tests.bench.table import Row, median_ms, wants

ROWS, COLUMNS, MANY = 1_000_000, 50, 10_000_000
PIECE = 131_072
SCORE = Spec("label", "score", 0.5, "below")
PSI, MEMORY = "PSI, 1,000,000 rows × 50 columns", "memory of counting 10,000,000 rows × 10 columns"
TABLE, BOOTSTRAP = "score summary, 1,000,000 rows", "AUC, KS, Brier and ECE with 200 draws each from the score summary"


def run(wanted: list[str]) -> list[Row]:
    """The rows asked for, on files made for them."""
    if not wants(wanted, PSI, MEMORY, TABLE, BOOTSTRAP):
        return []
    with tempfile.TemporaryDirectory(prefix="mrm-bench-numbers-") as folder:
        place = Path(folder)
        rows = _stability(place) if wants(wanted, PSI) else []
        rows += _memory(place) if wants(wanted, MEMORY) else []
        return rows + (_scores(place) if wants(wanted, TABLE, BOOTSTRAP) else [])


def _write(path: Path, rows: int, columns: int) -> None:
    rng = np.random.default_rng(1)
    schema = pa.schema([(f"x{place}", pa.float64()) for place in range(columns)])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, rows, PIECE):
            size = min(PIECE, rows - start)
            writer.write_table(pa.table([pa.array(rng.normal(size=size)) for _ in range(columns)], schema=schema))


def _stability(place: Path) -> list[Row]:
    path = place / "wide.parquet"
    _write(path, ROWS, COLUMNS)
    edges = freeze(path)
    reference = summarise(path, edges)
    taken = median_ms(lambda: _psi(path, edges, reference), 3)
    bare = median_ms(lambda: _bare(path, edges), 3)
    return [Row(PSI, taken, "ms", "at most 1.3 x", taken <= 1.3 * bare, "bare histogram query", bare, taken / bare)]


def _psi(path: Path, edges: Edges, reference: Summary) -> None:
    found = characteristic_stability(reference, summarise(path, edges))
    assert len(found) == COLUMNS
    assert all(each.value == 0 for each in found.values())


def _bare(path: Path, edges: Edges) -> None:
    numeric = [each for each in edges.columns if isinstance(each, NumericColumn)]
    wanted = ", ".join(f"histogram({each.name}, {[each.low, *each.upper]}::DOUBLE[])" for each in numeric)
    with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as connection:
        connection.execute(f"SELECT {wanted} FROM '{path}'").fetchall()


def _memory(place: Path) -> list[Row]:
    """Freezing and counting in a process of its own, whose largest resident size is read."""
    path = place / "long.parquet"
    _write(path, MANY, 10)
    command = [sys.executable, "-m", "tests.bench.computing", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    taken = float(done.stdout) / 1024
    return [Row(MEMORY, taken, "MiB", "under 1,024 MiB", taken < 1_024)]


def _scores(place: Path) -> list[Row]:
    rng = np.random.default_rng(2)
    scores = rng.beta(2, 8, ROWS)
    labels = (rng.random(ROWS) < scores).astype(np.int8)
    path = place / "scores.parquet"
    pq.write_table(pa.table({"label": labels, "score": scores}), path)
    taken, bare = median_ms(lambda: tabulate(ParquetBatch(path), SCORE)), median_ms(lambda: _grouped(path))
    table = score_tables.score_table(tabulate(ParquetBatch(path), SCORE))
    measures = (score_tables.auc, score_tables.ks, score_tables.brier, score_tables.ece)
    drawn = median_ms(lambda: [measure(table) for measure in measures])
    one = median_ms(lambda: roc_auc_score(labels, scores), 3)
    return [
        Row(TABLE, taken, "ms", "", None, "bare grouped count", bare, taken / bare),
        Row(
            BOOTSTRAP,
            drawn,
            "ms",
            "less than one AUC of rows",
            drawn < one,
            "scikit-learn's AUC, once",
            one,
            drawn / one,
        ),
    ]


def _grouped(path: Path) -> None:
    with duckdb.connect(config={"threads": 1, "memory_limit": "1GB"}) as connection:
        connection.execute(
            f"SELECT label, least(floor(score * 1000), 999)::INTEGER AS b, count(*) FROM '{path}' GROUP BY ALL"
        ).fetchall()


if __name__ == "__main__":
    source = Path(sys.argv[1])
    summarise(source, freeze(source))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
