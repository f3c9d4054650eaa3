"""Counts made where the data live are the counts made here, bit for bit: DuckDB through narwhals, and real Spark."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mrm.measures import lazy
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import fairness
from mrm.measures.specification import ParquetBatch, Spec
from mrm.measures.stability import counts
from mrm.measures.stability.edges import freeze
from mrm.measures.tables import summarise

# the driver of Spark keeps sockets of its own until the process ends
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")

ROWS = 3_000
SPEC = Spec("label", "score", 0.3, "below", ("sex", "age"), segments=("channel",))
Open = Callable[[Path], Any]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Scores with outcomes that are partly unknown, and groups with blanks, in two files."""
    folder, draw = tmp_path_factory.mktemp("lazy"), np.random.default_rng(7)
    ids = np.arange(ROWS)
    scores = np.concatenate([[0.0, 1.0, 0.3], draw.random(ROWS - 3)])
    scored = pd.DataFrame({"row_id": ids, "label": draw.choice([0.0, 1.0, np.nan], ROWS), "score": scores,
                           "channel": draw.choice(np.array(["web", "branch", None]), ROWS)})  # fmt: skip
    groups = pd.DataFrame({"row_id": ids[50:], "sex": draw.choice(np.array(["F", "M ", None, ""]), ROWS - 50),
                           "age": draw.choice([30.0, np.nan, 50.0, 0.5], ROWS - 50)})  # fmt: skip
    for name, frame in (("scored", scored), ("groups", groups.sample(frac=1, random_state=1))):
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
    return folder / "scored.parquet", folder / "groups.parquet"


@pytest.fixture(scope="module")
def spark() -> Iterator[Open]:
    pyspark = pytest.importorskip("pyspark.sql", reason="PySpark is not installed: pip install 'mrm[spark]'")
    if shutil.which("java") is None:
        pytest.skip("There is no Java to run Spark: sudo apt-get install openjdk-17-jre-headless")
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1",
                "spark.sql.shuffle.partitions": "2", "spark.log.level": "ERROR"}  # fmt: skip
    session = pyspark.SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    yield lambda path: session.read.parquet(str(path))
    session.stop()


@pytest.fixture(params=["duckdb", "spark"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    if request.param == "spark":
        yield request.getfixturevalue("spark")
        return
    with duckdb.connect() as connection:
        yield lambda path: connection.from_parquet(str(path))


@pytest.mark.xdist_group("spark")
def test_counts_are_those_of_one_machine(files: tuple[Path, Path], opened: Open) -> None:
    scored, groups = files
    here = summarise(ParquetBatch(scored, groups), SPEC)
    there = lazy.summarise(opened(scored), SPEC, opened(groups))
    assert there.digest() == here.digest()
    settings = FairnessSettings(intersections=(("sex", "age"),))
    assert fairness(there, settings) == fairness(here, settings)

    with pytest.raises(ValueError, match=r"The data has no column sex"):
        lazy.summarise(opened(scored), SPEC)
    with pytest.raises(ValueError, match=r"scores lie outside 0 to 0\.5"):
        lazy.summarise(opened(scored), Spec("label", "score", 0.3, "below", high=0.5))
    with pytest.raises(ValueError, match=r"labels are neither 0 nor 1"):
        lazy.summarise(opened(scored), Spec("row_id", "score", 0.3, "below"))


@pytest.mark.xdist_group("spark")
def test_shifts_are_counted_by_the_same_edges(files: tuple[Path, Path], opened: Open, tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    before = pd.DataFrame({"amount": draw.normal(size=ROWS), "terms": draw.integers(1, 9, ROWS),
                           "kind": draw.choice(np.array(["a", "b", None, ""]), ROWS)})  # fmt: skip
    now = before.assign(amount=before.amount + 0.4, terms=before.terms + 1)
    now.loc[3, "amount"], now.loc[9, "kind"] = np.nan, "new"
    pq.write_table(pa.Table.from_pandas(now, preserve_index=False), tmp_path / "now.parquet")
    edges = freeze(before)
    assert lazy.count(opened(tmp_path / "now.parquet"), edges).digest() == counts.summarise(now, edges).digest()
    with pytest.raises(ValueError, match=r"The data has no column amount"):
        lazy.count(opened(files[0]), edges)
