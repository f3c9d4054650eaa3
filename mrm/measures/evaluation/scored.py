"""The rows that every kind of test looks at: checked, scored, read and summarised once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures.challengers import Cost
from mrm.measures.evaluation.spec import KINDS, Progress, RunSpec
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import Scored as Predictions
from mrm.measures.scoring import file_digest, score
from mrm.measures.tables import ParquetBatch, Spec, Summary, summarise

AGAINST_REFERENCE = frozenset({"stability", "soundness"})


@dataclass(frozen=True, slots=True)
class Scored:
    """One file of row_id, label and score; the same as arrays (n,) with NaN where a label is not known; their
    table of counts, None where outcomes are amounts; how the model's network was cut, None where no model
    was run; a file with the scores of the reference, None where it has none or none are asked for; what
    the predictions cost, None where no model was run; and what was computed once for several kinds of test."""

    file: Path
    labels: NDArray[np.float64]
    scores: NDArray[np.float64]
    table: Summary | None
    network: str | None
    reference: Path | None = None
    cost: Cost | None = None
    kept: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def summary(self) -> Summary:
        """Rows counted by group, outcome and decision. Raises `EvaluationFailed` where outcomes are amounts."""
        if self.table is None:
            raise EvaluationFailed("Outcomes that are amounts have no decisions to count; run the tests of amounts.")
        return self.table

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the outcome is known, shape (n,)."""
        return ~np.isnan(self.labels)

    def digest(self) -> str:
        """SHA-256 of what the results are functions of."""
        return self.table.digest() if self.table is not None else file_digest(self.file)


def scored_rows(spec: RunSpec, tell: Progress) -> Scored:
    """Score the data set, or take its predictions. Raises `EvaluationFailed`, or a kind of it, with a sentence."""
    columns = _checked(spec)
    file, done = _scored(spec, columns, tell)
    labels, scores = _arrays(file)
    table = None if spec.predicts_amounts else _summary(spec, file)
    cost = Cost(done.rows, done.cpu_s, done.memory_mb) if done else None
    return Scored(file, labels, scores, table, done.network if done else None, _scored_reference(spec, tell), cost)


def answered(answers: Path, rows: int) -> pa.ChunkedArray:
    """The scores that a model gave elsewhere, one for each row. Raises `EvaluationFailed` on another number of them."""
    scores = pq.read_table(answers, columns=["score"])["score"]
    if len(scores) != rows:
        raise EvaluationFailed(f"The endpoint's {len(scores):,} answers do not fit the {rows:,} rows of the data.")
    return scores


def outcomes(column: pa.ChunkedArray, spec: RunSpec) -> pa.ChunkedArray:
    """Outcomes as the kind of model has them: 1 or 0 for the event, or amounts; null where not known."""
    return _amounts(column, spec.label) if spec.predicts_amounts else _events(column, spec.positive)


def _checked(spec: RunSpec) -> list[str]:
    unknown = spec.kinds - KINDS
    if unknown:
        raise EvaluationFailed(f"There is no evaluation of the kind {', '.join(sorted(unknown))}.")
    files = [("data set", spec.dataset, spec.dataset_sha256)]
    if spec.protected is not None:
        files.append(("protected data", spec.protected, spec.protected_sha256 or ""))
    if spec.reference is not None:
        files.append(("reference data", spec.reference, spec.reference_sha256 or ""))
    for name, path, expected in files:
        if file_digest(path) != expected:
            raise EvaluationFailed(f"The digest of the {name} is not the one on record; nothing was computed.")
    columns = [str(name) for name in pq.read_schema(spec.dataset).names]
    wanted = [spec.label, *([spec.predictions] if spec.predictions else spec.features)]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise EvaluationFailed(f"The data set has no column {', '.join(missing)}.")
    if spec.protected is not None and "row_id" not in columns:
        raise EvaluationFailed("The data set has no column row_id to join the protected data by.")
    if spec.predictions is None and spec.artifact is None and spec.answers is None:
        raise EvaluationFailed("There is neither a model to run nor a column with its predictions.")
    return columns


def _scored(spec: RunSpec, columns: list[str], tell: Progress) -> tuple[Path, Predictions | None]:
    """A file of row_id, label and score, and how the model came to its scores if it was run."""
    done = None
    keys = ["row_id"] if "row_id" in columns else []
    if spec.predictions is not None:
        data = pq.read_table(spec.dataset, columns=[*keys, spec.label, spec.predictions])
        scores = data[spec.predictions].cast(pa.float64())
    elif spec.answers is not None:
        data = pq.read_table(spec.dataset, columns=[*keys, spec.label])
        scores = answered(spec.answers, data.num_rows)
    else:
        assert spec.artifact is not None
        done = score(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder / "scores.parquet",
            spec.features, spec.timeout_s, spec.memory_mb, lambda done, total: tell("scoring", done, total),
        )  # fmt: skip
        data = pq.read_table(spec.dataset, columns=[*keys, spec.label])
        scores = pq.read_table(done.path, columns=["score"])["score"]
    table = pa.table(
        {
            **{key: data[key] for key in keys},
            "label": outcomes(data[spec.label], spec),
            "score": scores,
        }
    )
    target = spec.folder / "scored.parquet"
    pq.write_table(table, target)
    return target, done


def _events(labels: pa.ChunkedArray, positive: Any) -> pa.ChunkedArray:
    """1 where the label is the event, 0 where it is another, null where it is not known."""
    if pa.types.is_dictionary(labels.type):
        labels = labels.cast(labels.type.value_type)
    try:
        event = pa.scalar(positive).cast(labels.type)
    except pa.ArrowException as error:
        raise EvaluationFailed(
            f"The label column holds {labels.type}; {positive!r} cannot be among its values."
        ) from error
    out = pc.equal(labels, event).cast(pa.int8())
    if pc.sum(out).as_py() in (0, None):
        raise EvaluationFailed(f"No row of the data set has the label {positive!r}.")
    return out


def _scored_reference(spec: RunSpec, tell: Progress) -> Path | None:
    """The scores of the reference, from the model or from its own column of predictions."""
    if spec.reference is None or not spec.kinds & AGAINST_REFERENCE:
        return None
    target = spec.folder / "reference.parquet"
    if spec.answers is not None:
        return spec.reference_answers
    if spec.predictions is None:
        assert spec.artifact is not None
        return score(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.reference, target, spec.features, spec.timeout_s,
            spec.memory_mb, lambda done, total: tell("scoring the reference", done, total),
        ).path  # fmt: skip
    if spec.predictions not in pq.read_schema(spec.reference).names:
        return None
    pq.write_table(pq.read_table(spec.reference, columns=[spec.predictions]).rename_columns(["score"]), target)
    return target


def _amounts(labels: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Amounts as they are; what is no number, and a column that holds an event, is refused."""
    try:
        out = labels.cast(pa.float64())
    except pa.ArrowException as error:
        raise EvaluationFailed(
            f"Column {name} holds {labels.type}, and {error}; the outcomes of this kind of model are amounts:"
            " turn the column into numbers."
        ) from error
    values = out.to_numpy()
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise EvaluationFailed(
            f"Column {name}, row {int(infinite[0]) + 1:,}: the amount is infinite; correct it or leave the row out."
        )
    if np.unique(values[~np.isnan(values)]).size <= 2:
        raise EvaluationFailed(
            f"Column {name} holds two values at most, so it is an event and no amount; test the model as a classification."
        )
    return out


def _arrays(scored: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    table = pq.read_table(scored, columns=["label", "score"])
    labels = table["label"].cast(pa.float64()).to_numpy()
    scores = table["score"].to_numpy()
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise EvaluationFailed(f"{bad} predictions are missing or not finite.")
    return labels, scores


def _summary(spec: RunSpec, scored: Path) -> Summary:
    low, high = spec.score_range
    table = Spec("label", "score", spec.cutoff, spec.favourable, _attributes(spec), low=low, high=high)
    try:
        return summarise(ParquetBatch(scored, spec.protected), table, spec.engine)
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error


def _attributes(spec: RunSpec) -> tuple[str, ...]:
    if spec.protected is None:
        return ()
    names = pq.read_schema(spec.protected).names
    return spec.attributes or tuple(n for n in names if n != "row_id" and n not in spec.probabilities)
