"""Probabilities against what happened, as tests: over all rows, and by the grades that the run names."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mrm.measures.backtesting import binomial, hosmer_lemeshow, jeffreys, spiegelhalter, traffic_light
from mrm.measures.checks import Labels, Scores
from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.attempts import attempt
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.judging import withheld
from mrm.measures.results import EvaluationFailed, Result

GRADE = ("grade_binomial", "grade_jeffreys", "grade_traffic_light")
OVERALL = ("spiegelhalter", "hosmer_lemeshow")
NO_BANDS = "Name the scores that divide the grades, such as 0.01, 0.03, 0.1, when the run is started."
NO_PROBABILITIES = "The scores are not probabilities."


def measures(spec: RunSpec, labels: Labels, scores: Scores, few: str) -> tuple[list[Result], dict[str, str]]:
    """Results, and for tests that could not be done the reason. Raises `EvaluationFailed` on bounds that do not rise."""
    bounds = [float(each) for each in spec.tests.get("grades", {}).get("bands", [])]
    if any(not low < high for low, high in pairwise(bounds)) or not all(0 < each < 1 for each in bounds):
        raise EvaluationFailed(
            f"The bounds of the grades, {', '.join(f'{each:g}' for each in bounds)}, do not rise between 0 and 1;"
            " name them like 0.01, 0.03, 0.1."
        )
    if few or scores.size == 0 or scores.min() < 0 or scores.max() > 1:
        status, said = ("insufficient", few) if few else ("not_applicable", NO_PROBABILITIES)
        none = [withheld(name, status, said, labels.size, spec.limits(name)) for name in OVERALL]
        return none, {"grades": said}
    groups = int(spec.tests.get("hosmer-lemeshow", {}).get("groups", 10))
    overall = [
        attempt(spec, "spiegelhalter", labels.size, lambda: spiegelhalter(labels, scores)),
        attempt(spec, "hosmer_lemeshow", labels.size, lambda: hosmer_lemeshow(labels, scores, groups)),
    ]
    if not bounds:
        return overall, {"grades": NO_BANDS}
    return overall + _by_grade(spec, labels, scores, bounds), {}


def _by_grade(spec: RunSpec, labels: Labels, scores: Scores, bounds: Sequence[float]) -> list[Result]:
    place, out = np.searchsorted(bounds, scores, side="right"), list[Result]()
    for number, name in enumerate(_names(bounds)):
        held = place == number
        n, defaults = int(held.sum()), int(labels[held].sum())
        if n == 0:
            said = "No row has a score of this grade."
            out += [withheld(each, "insufficient", said, 0, spec.limits(each), group=name) for each in GRADE]
            continue
        out += _grade(spec, name, defaults, n, float(scores[held].mean()))
    return out


def _grade(spec: RunSpec, name: str, defaults: int, n: int, pd: float) -> list[Result]:
    return [
        attempt(spec, "grade_binomial", n, lambda: binomial(defaults, n, pd), group=name),
        attempt(spec, "grade_jeffreys", n, lambda: jeffreys(defaults, n, pd), group=name),
        attempt(spec, "grade_traffic_light", n, lambda: _light(defaults, n, pd), group=name),
    ]


def _light(defaults: int, n: int, pd: float) -> Estimate:
    found = traffic_light(defaults, n, 1 - pd)
    method = f"cumulative binomial probability of at most {defaults:,} of {n:,} at {pd:.4%}"
    detail = {"zone": found.zone, "defaults": defaults, "pd": pd, "expected": n * pd}
    return Estimate(found.cumulative, None, None, method, n, f"{found.zone.capitalize()} zone.", detail)


def _names(bounds: Sequence[float]) -> list[str]:
    between = [f"{low:g} to {high:g}" for low, high in pairwise(bounds)]
    return [f"below {bounds[0]:g}", *between, f"{bounds[-1]:g} and above"]
