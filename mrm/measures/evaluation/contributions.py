"""What each feature contributes to the score of some rows, computed once for every kind of test that asks."""

from __future__ import annotations

from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.explanation.assessment import Doubt
from mrm.measures.explanation.attributions import Explanation
from mrm.measures.scoring import explain_artifact

_KEPT = "contributions"


def contributions(spec: RunSpec, rows: Scored, tell: Progress) -> tuple[Explanation, Doubt]:
    """The run's explanation, and what it is held against; the model runs here. Raises `ScoringFailed` as `explain_artifact`."""
    assert spec.artifact is not None
    if _KEPT not in rows.kept:
        rows.kept[_KEPT] = explain_artifact(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder, spec.features, spec.seed,
            explain_rows=spec.explain_rows, background_rows=spec.background_rows, timeout_s=spec.timeout_s,
            memory_mb=spec.memory_mb, progress=lambda done, total: tell("explaining", done, total), workers=spec.workers,
        )  # fmt: skip
    found: tuple[Explanation, Doubt] = rows.kept[_KEPT]
    return found
