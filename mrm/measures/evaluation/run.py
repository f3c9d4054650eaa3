"""From a specification to an outcome: the rows once, then each kind of test that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mrm.measures.evaluation import alternatives, bias, explanation, performance, stability
from mrm.measures.evaluation.outcome import Part, RunOutcome
from mrm.measures.evaluation.pins import pins
from mrm.measures.evaluation.scored import Scored, scored_rows
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.explanation.assessment import MEASURES as EXPLAINING
from mrm.measures.explanation.findings import MEASURES as EXAMINING
from mrm.measures.performance import CALIBRATION, RANKING, RATES
from mrm.measures.results import EvaluationFailed, Limits, check_limits
from mrm.measures.stability.drift import MEASURES as SHIFT

PARTS: Mapping[str, Callable[[RunSpec, Scored, Progress], Part]] = {
    "performance": performance.part,
    "bias": bias.part,
    "stability": stability.part,
    "explainability": explanation.part,
    "alternatives": alternatives.part,
}
MEASURES = frozenset(
    {*RANKING, *CALIBRATION, *RATES, *bias.MEASURES, *alternatives.MEASURES, *SHIFT, *EXPLAINING, *EXAMINING}
)


def run(spec: RunSpec, progress: Progress | None = None) -> RunOutcome:
    """Carry out the evaluation. `progress(stage, done, total)` counts rows or steps of a stage.

    Stages: checking, scoring, performance, bias, stability, explaining, examining, drawing. What `progress` raises ends
    the run. Raises `EvaluationFailed`, with a sentence, on files or columns that do not fit; its
    kinds `CannotScore` and `ScoringFailed` on the model, `Disagreement` if fairlearn differs.
    """
    tell = progress or (lambda stage, done, total: None)
    tell("checking", 0, 1)
    _check_thresholds(spec.thresholds)
    rows = scored_rows(spec, tell)
    parts = [part(spec, rows, tell) for kind, part in PARTS.items() if kind in spec.kinds]
    tell("drawing", 1, 1)
    return RunOutcome(
        results=tuple(result for part in parts for result in part.results),
        figures=tuple(figure.as_dict() for part in parts for figure in part.figures),
        explanation=next((part.explanation for part in parts if part.explanation), {}),
        crosscheck=next((part.crosscheck for part in parts if part.crosscheck), {}),
        pins=pins(spec, rows.network),
        summary_digest=rows.summary.digest(),
        notes=tuple(note for part in parts for note in part.notes),
    )


def _check_thresholds(thresholds: Mapping[str, Limits]) -> None:
    """A limit on a measure that is not computed would never fail anything: refuse it."""
    unknown = sorted(set(thresholds) - MEASURES)
    if unknown:
        raise EvaluationFailed(f"There are limits for {', '.join(unknown)}, which is not measured here.")
    for name, limits in thresholds.items():
        try:
            check_limits(limits)
        except ValueError as error:
            raise EvaluationFailed(f"The limits for {name} cannot be read: {error}") from error
