"""Explanation: what the score depends on, whether contributions add up, and whether they stand."""

from __future__ import annotations

from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.explanation.assessment import assessed, unexplained
from mrm.measures.explanation.attributions import importance
from mrm.measures.figures import contribution_figures, importance_figure
from mrm.measures.scoring import ScoringFailed, explain_artifact


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Contributions, what they are held against, and the figures; a model that cannot be explained is no pass."""
    if spec.artifact is None or spec.predictions is not None:
        return Part(notes=["The scores were not explained: that needs a model that can be run here."])
    try:
        found, doubt = explain_artifact(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder, spec.features, spec.seed,
            explain_rows=spec.explain_rows, background_rows=spec.background_rows, timeout_s=spec.timeout_s,
            memory_mb=spec.memory_mb, progress=lambda done, total: tell("explaining", done, total), workers=spec.workers,
        )  # fmt: skip
    except ScoringFailed as error:
        return Part([unexplained(str(error), spec.thresholds)], notes=[f"The scores were not explained: {error}"])
    ranked = importance(found, spec.seed)
    shares = [[each.feature, each.value, each.lower, each.upper, each.share] for each in ranked]
    return Part(
        assessed(found, ranked, doubt, spec.thresholds),
        [importance_figure(ranked), *contribution_figures(found)],
        explanation=found.as_dict() | {"importance": shares},
    )
