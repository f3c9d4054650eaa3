"""Alternatives: a search for a model that decides about as well and treats groups less unequally."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mrm.measures.alternatives_figure import alternatives_figure
from mrm.measures.evaluation.bias.proxies import group_names, values
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored, answered
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import withheld_groups
from mrm.measures.fairness.candidates import Names, Sample, Score, Space
from mrm.measures.fairness.learners import GRIDS, learner
from mrm.measures.fairness.search import Candidate, Rules, Search, search
from mrm.measures.intervals import generator
from mrm.measures.results import EvaluationFailed, Result, plain
from mrm.measures.scoring import score

MEASURES = ("alternative_lowest_air", "alternative_confirmed_air")
ROWS, MOST_DROPS, REDUCTIONS = 20_000, 8, 6
STEPS = (0.9, 0.95, 1.05, 1.1)
KNOWN = 0.5


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every candidate tried, judged on rows that fitted none, the proposed one confirmed on rows that chose none."""
    if spec.reference is None or spec.protected is None:
        return Part(notes=["No alternative was looked for: that needs training data and protected attributes."])
    tell("alternatives", 0, 1)
    settings = spec.fairness or FairnessSettings(references=spec.references, seed=spec.seed)
    hidden = withheld_groups(rows.summary, FairnessSettings(suppress_n=settings.suppress_n))
    train, own_train = _training(spec, hidden, tell)
    judged, confirm, own = _judged(spec, rows, hidden)
    own_scores = pd.concat([own_train, own])
    baseline: Score = lambda frame: own_scores.loc[frame.index].to_numpy()  # noqa: E731
    known = [name for name, groups in train.groups.items() if np.mean([each is not None for each in groups]) >= KNOWN]
    rules = Rules(spec.cutoff, spec.favourable, {"auc": spec.tolerance, "balanced_accuracy": 1.0, "approval_rate": 1.0},
                  settings=settings)  # fmt: skip
    try:
        found = search(
            learner(spec.learner, spec.seed), train, judged, _space(spec, list(train.features), known), rules, confirm=confirm,
            seed=spec.seed, progress=lambda done: tell("alternatives", done, 30), own=baseline,
        )  # fmt: skip
    except ValueError as error:
        raise EvaluationFailed(f"No alternative could be looked for: {error}") from error
    notes = (
        []
        if known
        else ["The protected data hold no rows of the training data, so no candidate was fitted with a view to groups."]
    )
    return Part(_results(found), [alternatives_figure(found)], notes)


def _space(spec: RunSpec, features: list[str], known: list[str]) -> Space:
    drops = tuple((name,) for name in features[:MOST_DROPS]) if len(features) > 1 else ()
    moved = tuple(round(spec.cutoff * step, 6) for step in STEPS)
    return Space(drops, GRIDS[spec.learner], tuple(known), moved, REDUCTIONS if known else 0, known[0] if known else "")


def _training(spec: RunSpec, hidden: dict[str, frozenset[str | None]], tell: Progress) -> tuple[Sample, pd.Series]:
    """Rows of the training data chosen by the seed, and the model's own scores of them."""
    assert spec.reference is not None
    data = pq.read_table(spec.reference)
    if missing := [name for name in (spec.label, *spec.features) if name not in data.column_names]:
        raise EvaluationFailed(f"The training data have no column {', '.join(missing)}.")
    scores = _scores(spec, data, tell)
    places = _chosen(spec, data[spec.label], "training")[:ROWS]
    sample = _sample(spec, data.take(places), hidden, "t")
    return sample, pd.Series(scores[places], index=sample.features.index)


def _judged(spec: RunSpec, rows: Scored, hidden: dict[str, frozenset[str | None]]) -> tuple[Sample, Sample, pd.Series]:
    """The rows of the run whose outcome is known, in halves: one to choose by, one to confirm on."""
    data = pq.read_table(spec.dataset)
    places = _chosen(spec, data[spec.label], "judged")[: 2 * ROWS]
    halves = [_sample(spec, data.take(half), hidden, mark) for half, mark in ((places[::2], "j"), (places[1::2], "c"))]
    own = [pd.Series(rows.scores[half], index=sample.features.index)
           for half, sample in zip((places[::2], places[1::2]), halves, strict=True)]  # fmt: skip
    return halves[0], halves[1], pd.concat(own)


def _chosen(spec: RunSpec, labels: pa.ChunkedArray, name: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    known = np.flatnonzero(labels.is_valid().to_numpy())
    return generator(spec.seed, f"alternatives/{name}").permutation(known)


def _sample(spec: RunSpec, data: pa.Table, hidden: dict[str, frozenset[str | None]], mark: str) -> Sample:
    frame = pd.DataFrame({name: values(data[name]).astype(float) for name in _measured(spec)})
    frame.index = pd.Index([f"{mark}{place}" for place in range(len(frame))])
    labels = data[spec.label]
    if pa.types.is_dictionary(labels.type):
        labels = labels.cast(labels.type.value_type)
    events = pc.equal(labels, pa.scalar(spec.positive).cast(labels.type)).to_numpy().astype(np.int64)
    try:
        return Sample(frame, events, _groups(spec, data, hidden))
    except ValueError as error:
        raise EvaluationFailed(f"No alternative could be looked for: {error}") from error


def _groups(spec: RunSpec, data: pa.Table, hidden: dict[str, frozenset[str | None]]) -> dict[str, Names]:
    assert spec.protected is not None
    people = pq.read_table(spec.protected)
    if "row_id" not in data.column_names:
        return {name: np.full(data.num_rows, None, dtype=object) for name in hidden}
    places = pc.index_in(data["row_id"].cast(people["row_id"].type), value_set=people["row_id"].combine_chunks())
    return {
        name: group_names(people[name].take(places), hidden[name]) for name in people.column_names if name in hidden
    }


def _measured(spec: RunSpec) -> list[str]:
    """The features that are numbers in both data sets: candidates are fitted on these."""
    assert spec.reference is not None
    found = [pq.read_schema(path) for path in (spec.dataset, spec.reference)]
    both = [name for name in spec.features if all(name in schema.names for schema in found)]
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    out = [name for name in both if all(any(is_it(schema.field(name).type) for is_it in numeric) for schema in found)]
    if not out:
        raise EvaluationFailed("No feature is a number in both data sets, so no alternative can be fitted.")
    return out


def _scores(spec: RunSpec, data: pa.Table, tell: Progress) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The model's own scores of the training data: predictions that they hold, or the model run on them."""
    assert spec.reference is not None
    if spec.predictions is not None:
        if spec.predictions not in data.column_names:
            raise EvaluationFailed(f"The training data have no column {spec.predictions} with the model's predictions.")
        return np.asarray(data[spec.predictions].cast(pa.float64()).to_numpy())
    if spec.reference_answers is not None:
        return np.asarray(answered(spec.reference_answers, data.num_rows).to_numpy())
    assert spec.artifact is not None
    done = score(
        spec.artifact, spec.kind, spec.artifact_sha256, spec.reference, Path(spec.folder) / "training-scores.parquet", spec.features,
        spec.timeout_s, spec.memory_mb, lambda done, total: tell("alternatives", done, total),
    )  # fmt: skip
    return np.asarray(pq.read_table(done.path, columns=["score"])["score"].to_numpy())


def _results(found: Search) -> list[Result]:
    """One row per candidate, none left out, and the proposed one on the rows that confirm it."""
    out = [_result(each, found) for each in found.candidates]
    if found.confirmed is not None and found.confirmed.lowest is not None:
        again = found.confirmed
        reason = "The proposed candidate on rows that neither fitted nor chose it."
        out.append(_one("alternative_confirmed_air", again, found, reason))
    return out


def _result(each: Candidate, found: Search) -> Result:
    return _one("alternative_lowest_air", each, found, each.reason)


def _one(measure: str, each: Candidate, found: Search, reason: str) -> Result:
    worst = min(each.ratios.values(), key=lambda figure: figure.value, default=None)
    performance = {name: plain([figure.value, figure.lower, figure.upper]) for name, figure in each.performance.items()}
    name = next((name for name, figure in each.ratios.items() if figure is worst), "")
    value, low, high = (worst.value, worst.lower, worst.upper) if worst else (None, None, None)
    status = "info" if worst else "insufficient"
    method = f"lowest impact ratio of any group large enough, {found.rows:,} rows that fitted none; log interval"
    return Result(measure, value, low, high, worst.n if worst else found.rows, method, status=status, reason=reason or each.said, detail={
        "candidate": each.number, "kind": each.kind, "said": each.said, "cutoff": each.cutoff, "performance": performance,
        "group_of_lowest": name, "within": each.within, "on_front": each.on_front, "proposed": each.number == found.chosen,
        "parameters": dict(each.parameters), "rules": found.rules, "rules_digest": found.rules_digest,
    })  # fmt: skip
