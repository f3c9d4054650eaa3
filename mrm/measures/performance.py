"""Performance of a binary score as results: ranking, calibration, and rates at the cut-off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from mrm.measures.calibration import actual_to_expected, brier, brier_skill, ece, slope_and_intercept
from mrm.measures.checks import Labels, Scores, binary, column, finite, same_length
from mrm.measures.decisions import balanced_accuracy, confusion, f_beta, matthews
from mrm.measures.discrimination import auc, average_precision, gini, ks
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import wilson
from mrm.measures.judging import judged, withheld
from mrm.measures.reliability import calibration_in_the_large
from mrm.measures.results import Limits, Result

CALIBRATION = (
    "brier",
    "brier_skill",
    "ece",
    "calibration_slope",
    "calibration_intercept",
    "calibration_in_the_large",
    "actual_to_expected",
)
RATES = (
    "base_rate",
    "positive_rate",
    "accuracy",
    "balanced_accuracy",
    "true_positive_rate",
    "false_positive_rate",
    "positive_predictive_value",
    "negative_predictive_value",
    "f1",
    "matthews",
)
RANKING = ("auc", "gini", "ks", "average_precision")


def performance(
    labels: ArrayLike,
    scores: ArrayLike,
    cutoff: float,
    *,
    thresholds: Mapping[str, Limits] | None = None,
    seed: int = 0,
    min_each: int = 5,
) -> list[Result]:
    """All performance measures of one batch.

    `labels` (n,) hold 1 for the event, 0 otherwise; NaN where the outcome is not known, and those
    rows are left out and counted. `scores` (n,) rise with the event's likelihood; a row is flagged
    if its score is at or above `cutoff`. With fewer than `min_each` events or non-events every
    measure is insufficient. Calibration is not applicable to scores that are not probabilities.
    Raises ValueError on shapes that differ, scores that are not finite, and labels that are neither.
    """
    y, s, unknown = _clean(labels, scores)
    limits = thresholds or {}
    events = int(y.sum())
    shortage = shortage_of(events, y.size, min_each)
    out = [_base_rate(events, y.size, unknown)]
    estimates = _estimates(y, s, cutoff, seed) if not shortage else dict.fromkeys((*RANKING, *CALIBRATION))
    for name, estimate in estimates.items():
        out.append(_result(name, estimate, y.size, limits.get(name), shortage))
    out.extend(_result(name, each, n, limits.get(name), shortage) for name, each, n in _rates(y, s, cutoff, seed))
    return out


def _clean(labels: ArrayLike, scores: ArrayLike) -> tuple[Labels, Scores, int]:
    y, s = column(labels, "label"), finite(scores, "score")
    same_length(label=y, score=s)
    known = ~np.isnan(y)
    binary(np.where(known, y, 0))
    return y[known].astype(np.int64), s[known], int((~known).sum())


def shortage_of(events: int, n: int, min_each: int) -> str:
    """Why there are too few outcomes of either kind, or nothing."""
    if min(events, n - events) >= min_each:
        return ""
    return f"{events} events and {n - events} non-events, {min_each} of each needed."


def _base_rate(events: int, n: int, unknown: int) -> Result:
    if n == 0:
        return Result(
            "base_rate", None, None, None, 0, "events over rows", status="insufficient", reason="No outcomes."
        )
    low, high = wilson(events, n)
    detail = {"events": events, "outcomes_unknown": unknown}
    return Result("base_rate", events / n, low, high, n, "events over rows; Wilson interval", detail=detail)


def _estimates(y: Labels, s: Scores, cutoff: float, seed: int) -> dict[str, Estimate | None]:
    area = auc(y, s)
    out: dict[str, Estimate | None] = {
        "auc": area,
        "gini": gini(area),
        "ks": ks(y, s, seed),
        "average_precision": average_precision(y, s),
    }
    if s.min() < 0 or s.max() > 1:
        return out | dict.fromkeys(CALIBRATION)
    fit = slope_and_intercept(y, s)
    slope, intercept = fit or (None, None)
    loss = brier(y, s)
    return out | {
        "brier": loss,
        "brier_skill": brier_skill(loss, float(y.mean())),
        "ece": ece(y, s, seed),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "calibration_in_the_large": calibration_in_the_large(y, s),
        "actual_to_expected": actual_to_expected(int(y.sum()), y.size, float(s.sum())),
    }


def _result(name: str, estimate: Estimate | None, n: int, limits: Limits | None, shortage: str) -> Result:
    if estimate is None:
        status, reason = ("insufficient", shortage) if shortage else ("not_applicable", _why_not(name))
        return withheld(name, status, reason, n, limits)
    found = judged(name, estimate, limits)
    return replace(found, status="insufficient", reason=shortage) if shortage else found


def _why_not(name: str) -> str:
    if name.startswith("calibration_"):
        return "The scores are not probabilities, or they separate the classes so that no fit settles."
    return "The scores are not probabilities." if name in CALIBRATION else "The denominator is empty."


def _rates(y: Labels, s: Scores, cutoff: float, seed: int) -> Iterator[tuple[str, Estimate | None, int]]:
    if y.size == 0:
        return
    table = confusion(y, s, cutoff)
    tp, fp, tn, fn = table.counts
    shares = {
        "positive_rate": (tp + fp, table.n),
        "accuracy": (tp + tn, table.n),
        "true_positive_rate": (tp, tp + fn),
        "false_positive_rate": (fp, fp + tn),
        "positive_predictive_value": (tp, tp + fp),
        "negative_predictive_value": (tn, tn + fn),
    }
    for name, (part, whole) in shares.items():
        yield name, _share(part, whole), whole
    if tp + fn and fp + tn:
        yield "balanced_accuracy", balanced_accuracy(table), table.n
        yield "f1", f_beta(table, 1, seed), table.n
        yield "matthews", matthews(table, seed), table.n


def _share(part: int, whole: int) -> Estimate | None:
    if whole == 0:
        return None
    return Estimate(part / whole, *wilson(part, whole), "share of rows; Wilson interval", whole)
