"""Bias measures of a million people: against the bare grouped count, and against fairlearn's MetricFrame."""

import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import duckdb
import fairlearn.metrics
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, precision_score

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import fairness
from mrm.measures.fairness.comparison import Comparison
from mrm.measures.groups import RATES, by_group, histograms
from mrm.measures.tables import ParquetBatch, Spec, Summary, summarise
from tests.bench.table import ROUNDS, Row, wants

PEOPLE, FEW = 1_000_000, 100_000
VIEWS = (("race",), ("age",), ("race", "age"))
SPEC = Spec("label", "score", 0.3, "at_or_above", ("race", "age"))
CROSSED = FairnessSettings(intersections=(("race", "age"),), draws=0)
RACES = ["White", "Black", "Asian", "Hispanic", "Native", "Pacific"]
COUNT = "bare DuckDB grouped count"
METRICS = {
    "selection_rate": fairlearn.metrics.selection_rate,
    "tpr": fairlearn.metrics.true_positive_rate,
    "fpr": fairlearn.metrics.false_positive_rate,
    "tnr": fairlearn.metrics.true_negative_rate,
    "fnr": fairlearn.metrics.false_negative_rate,
    "accuracy": accuracy_score,
    "ppv": partial(precision_score, zero_division=0),
    "n": fairlearn.metrics.count,
}


def run(wanted: list[str]) -> list[Row]:
    """CPU time of one thread; what is compared runs in turns, so that a busy machine slows both alike."""
    if not wants(wanted, "fairness"):
        return []
    with tempfile.TemporaryDirectory(prefix="mrm-bench-fair-") as folder:
        place = Path(folder) / "people.parquet"
        frame = _people()
        frame.to_parquet(place, compression="zstd", row_group_size=131_072)
        return [*_against_count(place), *_against_fairlearn(place, frame), _bootstrap(place)]


def _people() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    race = rng.choice(RACES, PEOPLE, p=[0.55, 0.15, 0.1, 0.15, 0.03, 0.02])
    age = rng.choice(["18-24", "25-39", "40-61", "62 and over"], PEOPLE)
    score = np.clip(rng.beta(2, 5, PEOPLE) + (race == "Black") * 0.03, 0, 1)
    label = (rng.random(PEOPLE) < score).astype(np.int8)
    return pd.DataFrame({"race": race, "age": age, "label": label, "score": score})


def _against_count(place: Path) -> list[Row]:
    with duckdb.connect(config={"threads": 1}) as connection:
        cells = f"SELECT race, age, label, score >= 0.3, count(*) FROM '{place}' GROUP BY ALL"
        bins = f"SELECT race, age, label, score >= 0.3, least(floor(score * 1000), 999)::INTEGER, count(*) FROM '{place}' GROUP BY ALL"
        bare, binned, rates, everything = _in_turns(
            lambda: connection.execute(cells).fetchall(),
            lambda: connection.execute(bins).fetchall(),
            lambda: _rates(summarise(ParquetBatch(place), SPEC)),
            lambda: fairness(summarise(ParquetBatch(place), SPEC), CROSSED),
        )
    name = "fairness of 1,000,000 × 6 × 4, three views, from Parquet"
    goal = "at most 2 × the count"
    return [
        Row(f"{name}: all rates", rates, "CPU ms", goal, rates <= 2 * bare, COUNT, bare, rates / bare),
        Row(f"{name}: all measures", everything, "CPU ms", goal, everything <= 2 * binned, "count with score bins", binned,
            everything / binned),
        Row(f"{name}: all measures", everything, "CPU ms", "", None, COUNT, bare, everything / bare),
    ]  # fmt: skip


def _against_fairlearn(place: Path, frame: pd.DataFrame) -> list[Row]:
    """Both per row: fairlearn on 100,000 rows, scaled up, ours on all."""
    few = frame.head(FEW)
    theirs, ours, all_ours = _in_turns(
        lambda: [_metric_frame(few, view) for view in VIEWS],
        lambda: _rates(summarise(ParquetBatch(place), SPEC)),
        lambda: fairness(summarise(ParquetBatch(place), SPEC), CROSSED),
        rounds=3,
    )
    scaled = theirs * PEOPLE / FEW
    goal, peer = "1,000 × faster per row", "MetricFrame, 100,000 rows × 10"
    name = "fairness per million rows against fairlearn's 8 metrics"
    return [
        Row(f"{name}: all rates", ours, "CPU ms", goal, scaled >= 1_000 * ours, peer, scaled, scaled / ours),
        Row(f"{name}: all measures", all_ours, "CPU ms", "", None, peer, scaled, scaled / all_ours),
    ]


def _bootstrap(place: Path) -> Row:
    summary = summarise(ParquetBatch(place), SPEC)
    settings = FairnessSettings(draws=2_000)

    def replicates() -> list[object]:
        out = []
        for view in VIEWS:
            counts = by_group(summary, view)
            comparison = Comparison(counts, counts.known[0], summary, settings, histograms(summary, view))
            out += [comparison.drawn.rate(name) for name in RATES]
        return out

    (taken,) = _in_turns(replicates)
    name = "fairness: 2,000 bootstrap replicates of all rates, three views of 1,000,000 rows"
    return Row(name, taken, "CPU ms", "under 300 ms", taken < 300)


def _rates(summary: Summary) -> list[object]:
    """Every rate of every group in three views, with the gap and the ratio to the largest group."""
    out: list[object] = []
    for view in VIEWS:
        counts = by_group(summary, view)
        base = max(counts.known, key=lambda group: group.n)
        for group in counts.known:
            for name in RATES:
                mine, theirs = group.rate(name), base.rate(name)
                if mine is not None and theirs:
                    out.append((mine, mine - theirs, mine / theirs))
    return out


def _metric_frame(rows: pd.DataFrame, view: tuple[str, ...]) -> object:
    frame = fairlearn.metrics.MetricFrame(
        metrics=METRICS, y_true=rows["label"], y_pred=(rows["score"] >= 0.3).astype(int), sensitive_features=rows[list(view)]
    )  # fmt: skip
    return frame.by_group, frame.overall, frame.difference(), frame.ratio()


def _in_turns(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Median CPU milliseconds of each, after one round to warm up."""
    taken: list[list[float]] = [[] for _ in works]
    for turn in range(rounds + 1):
        for work, times in zip(works, taken, strict=True):
            began = time.process_time()
            work()
            if turn:
                times.append((time.process_time() - began) * 1000)
    return [statistics.median(times) for times in taken]
