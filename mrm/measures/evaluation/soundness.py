"""Soundness: features that repeat each other, overfit, slices that fare worse, and how sure one prediction is."""

from __future__ import annotations

from math import hypot

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mrm.measures import regression
from mrm.measures.checks import Scores
from mrm.measures.discrimination import auc
from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.attempts import attempt, sampled, together
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored, outcomes
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import Figure, marks_figure
from mrm.measures.intervals import generator
from mrm.measures.judging import judged
from mrm.measures.results import EvaluationFailed, Result
from mrm.measures.soundness import collinearity, reliability
from mrm.measures.soundness.generalisation import overfit_gap
from mrm.measures.soundness.slices import CATEGORIES, weak_spots

MOST = 200_000  # rows that features are looked at on
COLLINEAR = ("variance_inflation", "condition_number", "correlation")
NO_REFERENCE = "It is measured against the training data and their scores; link them to the version."


def part(spec: RunSpec, rows: Scored, tell: Progress) -> Part:
    """Every measure of soundness under its limits, and the figures."""
    tell("soundness", 0, 2)
    asked, found, undone = spec.asked("soundness"), list[Result](), dict[str, str]()
    chosen = sampled(spec, "soundness", np.flatnonzero(rows.known), MOST)
    frame = pq.read_table(spec.dataset, columns=list(spec.features)).take(chosen).to_pandas()
    if "collinearity" in asked:
        found += together(spec, COLLINEAR, len(frame), lambda: _collinear(spec, frame))
    if "overfit" in asked:
        found += _overfit(spec, rows, undone)
    tell("soundness", 1, 2)
    if "weak-spots" in asked:
        losses = beyond_expected(spec, rows.labels[chosen], rows.scores[chosen])
        found += together(spec, ["weak_spot"], len(frame), lambda: _weak(spec, frame, losses))
    if "reliability" in asked:
        found.append(attempt(spec, "conformal_gap", int(rows.known.sum()), lambda: _conformal(spec, rows)))
    return Part(found, _figures(spec, found), undone=undone)


def losses_of(spec: RunSpec, labels: Scores, scores: Scores) -> Scores:
    """Squared error of every row; of amounts in units of the outcome's variance, so that limits hold for any amount."""
    losses = (scores - labels) ** 2
    if spec.predicts_amounts:
        losses = losses / (float(labels.var()) or 1.0)
    return np.asarray(losses)


def beyond_expected(spec: RunSpec, labels: Scores, scores: Scores) -> Scores:
    """Loss of every row less what the model itself leads one to expect: of a probability p, p (1 - p).

    So a slice is not weak because its outcomes are uncertain, but because the model is wrong about them.
    """
    losses = losses_of(spec, labels, scores)
    if spec.predicts_amounts or scores.min() < 0 or scores.max() > 1:
        return losses
    return np.asarray(losses - scores * (1 - scores))


def _collinear(spec: RunSpec, frame: pd.DataFrame) -> list[Result]:
    numbers = frame[[name for name in frame.columns if frame[name].dtype.kind in "fiu"]].dropna()
    varying = {str(name): numbers[name].to_numpy(dtype=np.float64) for name in numbers if numbers[name].nunique() > 1}
    if len(varying) < 2:
        raise ValueError("Fewer than two features hold numbers that vary in the complete rows.")
    moments = collinearity.summarise(varying)
    inflated = collinearity.variance_inflation(moments)
    pairs = list(collinearity.correlations(moments).items())[: int(spec.tests["collinearity"]["most"])]
    limits = {name: spec.limits(name) for name in COLLINEAR}
    return [
        *(
            judged("variance_inflation", each, limits["variance_inflation"], group=name)
            for name, each in inflated.items()
        ),
        judged("condition_number", collinearity.condition_number(moments), limits["condition_number"]),
        *(judged("correlation", each, limits["correlation"], group=" and ".join(pair)) for pair, each in pairs),
    ]


def _overfit(spec: RunSpec, rows: Scored, undone: dict[str, str]) -> list[Result]:
    if spec.reference is None or rows.reference is None:
        undone["overfit"] = NO_REFERENCE
        return []
    if spec.label not in pq.read_schema(spec.reference).names:
        undone["overfit"] = f"The training data have no column {spec.label}."
        return []
    try:
        labels = outcomes(pq.read_table(spec.reference, columns=[spec.label])[spec.label], spec)
    except EvaluationFailed as error:
        undone["overfit"] = f"Of the training data: {error}"
        return []
    before = labels.cast(pa.float64()).to_numpy()
    scores = pq.read_table(rows.reference, columns=["score"])["score"].to_numpy()
    held, known = ~np.isnan(before), rows.known
    pairs = (before[held], scores[held]), (rows.labels[known], rows.scores[known])
    return [attempt(spec, "overfit_gap", int(known.sum()), lambda: _gap(spec, *pairs))]


def _gap(spec: RunSpec, train: tuple[Scores, Scores], test: tuple[Scores, Scores]) -> Estimate:
    if not spec.predicts_amounts:
        before, after = (auc(labels.astype(np.int64), scores) for labels, scores in (train, test))
        estimate, tested = overfit_gap(before, after)
        detail = {"training": before.value, "now": after.value, "p": tested.p}
        return Estimate(estimate.value, estimate.lower, estimate.upper, estimate.method, estimate.n, detail=detail)
    fits = [regression.r_squared(regression.summarise(*pair, float(pair[0].mean()))) for pair in (train, test)]
    value = fits[0].value - fits[1].value
    detail = {"training": fits[0].value, "now": fits[1].value}
    if any(each.lower is None for each in fits):
        return Estimate(value, None, None, "difference of R²", test[0].size, fits[1].reason or fits[0].reason, detail)
    half = hypot(*(each.value - (each.lower or 0.0) for each in fits))
    method = "difference of R², errors of both; normal interval"
    return Estimate(value, value - half, value + half, method, test[0].size, detail=detail)


def _weak(spec: RunSpec, frame: pd.DataFrame, losses: Scores) -> list[Result]:
    given = spec.tests["weak-spots"]
    usable = {
        str(name): frame[name].to_numpy()
        for name in frame.columns
        if frame[name].dtype.kind in "fiu" or frame[name].nunique() < CATEGORIES
    }
    found = weak_spots(usable, losses, least=int(given["least"]))
    if not found:
        raise ValueError(f"No slice holds {given['least']} rows.")
    return [
        judged("weak_spot", each.gap, spec.limits("weak_spot"), each.p_adjusted, group=" and ".join(each.conditions))
        for each in found[: int(given["most"])]
    ]


def _conformal(spec: RunSpec, rows: Scored) -> Estimate:
    level = float(spec.tests["reliability"]["level"])
    labels, scores = rows.labels[rows.known], rows.scores[rows.known]
    if spec.predicts_amounts:
        misses = np.abs(labels - scores)
    else:
        misses = reliability.of_probabilities(labels.astype(np.int64), scores)
    order = generator(spec.seed, "conformal").permutation(misses.size)
    half = misses.size // 2
    limit = reliability.threshold(misses[order[:half]], level)
    found = reliability.coverage(misses[order[half:]], limit, level)
    share = found.share
    bounds = [None if bound is None else bound - level for bound in (share.lower, share.upper)]
    detail = {"coverage": share.value, "promised": level, "limit": limit, "p": found.test.p}
    method = f"coverage on one half less {level:.0%}, the limit from the other; Wilson interval"
    return Estimate(share.value - level, bounds[0], bounds[1], method, share.n, share.reason, detail)


def _figures(spec: RunSpec, found: list[Result]) -> list[Figure]:
    out = []
    for measure, title, unit in (
        ("variance_inflation", "How far each feature follows from the others", "Variance inflation factor"),
        ("weak_spot", "Where the model is worst", "Loss above that of the rest"),
    ):
        shown = [each for each in found if each.measure == measure and each.group and each.value is not None]
        if shown:
            out.append(marks_figure(measure, title, unit, shown, spec.limits(measure)))
    return out
