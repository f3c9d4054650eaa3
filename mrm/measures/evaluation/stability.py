"""Stability: how far the features and the score have moved from the data the model was made on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import stability_figure
from mrm.measures.results import EvaluationFailed, Result
from mrm.measures.scoring import score
from mrm.measures.stability.assessment import stability


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every shift under its limits, and the figure."""
    if spec.reference is None:
        return Part(notes=["Stability was not evaluated: there are no data that the model was made on."])
    tell("stability", 0, 1)
    found = _stability(spec, rows.file, tell)
    return Part(found, [stability_figure(found, spec.thresholds.get("psi", {}))])


def _stability(spec: RunSpec, scored: Path, tell: Progress) -> list[Result]:
    """Every feature, and the score where the reference can be scored or holds predictions too."""
    assert spec.reference is not None
    try:
        found = _shifts(spec, spec.dataset, spec.reference, spec.features)
        before = _scores_of_reference(spec, tell)
        if before is not None:
            found += _shifts(spec, scored, before, ["score"])
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error
    return found


def _shifts(spec: RunSpec, current: Path, reference: Path, columns: Sequence[str]) -> list[Result]:
    return stability(reference, current, columns, spec.thresholds, seed=spec.seed, engine=spec.engine)


def _scores_of_reference(spec: RunSpec, tell: Progress) -> Path | None:
    assert spec.reference is not None
    target = spec.folder / "reference.parquet"
    if spec.predictions is None:
        assert spec.artifact is not None
        return score(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.reference, target, spec.features, spec.timeout_s,
            spec.memory_mb, lambda done, total: tell("stability", done, total),
        ).path  # fmt: skip
    if spec.predictions not in pq.read_schema(spec.reference).names:
        return None
    pq.write_table(pq.read_table(spec.reference, columns=[spec.predictions]).rename_columns(["score"]), target)
    return target
