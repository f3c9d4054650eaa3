"""Stability: how far the features and the score have moved from the data the model was made on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mrm.measures.evaluation import domain
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import stability_figure
from mrm.measures.results import EvaluationFailed, Result
from mrm.measures.stability.assessment import stability


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every shift under its limits, and the figure."""
    if spec.reference is None:
        return Part(notes=["Stability was not evaluated: there are no data that the model was made on."])
    tell("stability", 0, 1)
    found = _stability(spec, rows)
    outside, undone = domain.measures(spec)
    return Part([*found, *outside], [stability_figure(found, spec.thresholds.get("psi", {}))], undone=undone)


def _stability(spec: RunSpec, rows: Scored) -> list[Result]:
    """Every feature, and the score where the reference can be scored or holds predictions too."""
    assert spec.reference is not None
    try:
        found = _shifts(spec, spec.dataset, spec.reference, spec.features)
        if rows.reference is not None:
            found += _shifts(spec, rows.file, rows.reference, ["score"])
    except ValueError as error:
        raise EvaluationFailed(str(error)) from error
    return found


def _shifts(spec: RunSpec, current: Path, reference: Path, columns: Sequence[str]) -> list[Result]:
    return stability(reference, current, columns, spec.thresholds, seed=spec.seed, engine=spec.engine)
