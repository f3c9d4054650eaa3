"""Bias: how decisions, scores and errors differ between groups, with fairlearn as the second opinion."""

from __future__ import annotations

from mrm.measures.crosscheck import crosscheck
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import fairness
from mrm.measures.figures import bias_figures


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every bias measure under its limits. Raises `Disagreement` if fairlearn comes to other numbers."""
    if spec.protected is None:
        return Part(notes=["Bias was not evaluated: there is no protected data."])
    tell("bias", 0, 2)
    settings = _settings(spec)
    found = fairness(rows.summary, settings, spec.thresholds)
    tell("bias", 1, 2)
    second = crosscheck(rows.summary, settings.intersections).as_dict()
    return Part(found, bias_figures(found, spec.thresholds), crosscheck=second)


def _settings(spec: RunSpec) -> FairnessSettings:
    if spec.fairness is not None:
        return spec.fairness
    return FairnessSettings(references=spec.references, intersections=spec.intersections, seed=spec.seed)
