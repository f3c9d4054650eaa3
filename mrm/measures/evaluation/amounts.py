"""Performance of a model of amounts: size of errors, ranking, level; of prices by factor, of losses as such."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures import insurance, loss_given_default, regression, residuals
from mrm.measures.charts import Line
from mrm.measures.checks import Scores
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.evaluation.attempts import attempt, together
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.figures import Figure, lines_figure
from mrm.measures.judging import judged, judged_test, withheld
from mrm.measures.registry import MEASURES
from mrm.measures.registry.entry import LGD
from mrm.measures.results import Result
from mrm.measures.soundness.slices import CATEGORIES

LEAST = 30
TENTHS, QUARTERS = 10, 4
COVERAGE = ("interval_coverage", "interval_coverage_test")
NEEDS_ENDS = "Name the columns with the predicted ends of the interval, as P10 and P90, when the run is started."
NEEDS_NUMBERS = "No feature holds numbers."


def part(spec: RunSpec, rows: Scored) -> Part:
    """All measures of amounts under their limits, and predicted against actual by tenth of the prediction."""
    known = rows.known
    actual, predicted = rows.labels[known], rows.scores[known]
    if actual.size < LEAST:
        said = f"{actual.size} known outcomes, {LEAST} needed."
        names = [name for test in spec.asked("performance") for name in _measures_of(test)]
        return Part([withheld(name, "insufficient", said, actual.size, spec.limits(name)) for name in names])
    frame = pq.read_table(spec.dataset, columns=list(spec.features)).to_pandas()[known].reset_index(drop=True)
    found = _sized(spec, actual, predicted)
    found += _losses(spec, actual, predicted) if spec.model_kind == LGD else _prices(spec, actual, predicted, frame)
    undone = dict[str, str]()
    if "interval-coverage" in spec.asked("performance"):
        given = spec.tests["interval-coverage"]
        if given["low"] and given["high"]:
            found += together(spec, COVERAGE, actual.size, lambda: _covered(spec, actual, known))
        else:
            undone["interval-coverage"] = NEEDS_ENDS
    return Part(found, [_by_tenth(actual, predicted)], undone=undone)


def _covered(spec: RunSpec, actual: Scores, known: NDArray[np.bool_]) -> list[Result]:
    """Whether outcomes lie between the predicted ends as often as promised."""
    given = spec.tests["interval-coverage"]
    ends = [str(given["low"]), str(given["high"])]
    schema = pq.read_schema(spec.dataset)
    if absent := [name for name in ends if name not in schema.names]:
        raise ValueError(f"The data set has no column {', '.join(absent)} with an end of the predicted interval.")
    data = pq.read_table(spec.dataset, columns=ends)
    low, high = (np.asarray(data[name].to_numpy(), dtype=np.float64)[known] for name in ends)
    share, test = regression.coverage(actual, low, high, float(given["nominal"]))
    told = replace(
        share, method=f"{share.method}; {given['nominal']:.0%} promised", detail={"low": ends[0], "high": ends[1]}
    )
    return [
        judged(COVERAGE[0], told, spec.limits(COVERAGE[0])),
        judged_test(COVERAGE[1], test, spec.limits(COVERAGE[1])),
    ]


def _measures_of(test: str) -> list[str]:
    return [name for name, each in MEASURES.items() if each.id == test]


def _sized(spec: RunSpec, actual: Scores, predicted: Scores) -> list[Result]:
    errors = regression.summarise(actual, predicted, float(actual.mean()))
    measures: dict[str, Callable[[], Estimate | None]] = {
        "mae": lambda: regression.mae(errors),
        "rmse": lambda: regression.rmse(errors),
        "error_bias": lambda: regression.bias(errors),
        "mape": lambda: regression.mape(errors),
        "smape": lambda: regression.smape(errors),
        "r_squared": lambda: regression.r_squared(errors),
        "total_actual_to_expected": lambda: _over_all(actual, predicted),
    }
    return [attempt(spec, name, actual.size, compute, "Nothing was expected.") for name, compute in measures.items()]


def _over_all(actual: Scores, predicted: Scores) -> Estimate | None:
    return insurance.actual_to_expected(insurance.summarise(actual, predicted, ["all"] * actual.size))["all"]


def _losses(spec: RunSpec, actual: Scores, predicted: Scores) -> list[Result]:
    def ranked() -> Estimate:
        return loss_given_default.generalised_auc(loss_given_default.cross_table(actual, predicted), spec.seed)

    n = actual.size
    return [
        attempt(spec, "loss_paired_t", n, lambda: loss_given_default.paired_t(actual, predicted)),
        attempt(spec, "loss_capture_ratio", n, lambda: _captured(actual, predicted, spec.seed)),
        attempt(spec, "generalised_auc", n, ranked),
    ]


def _captured(actual: Scores, predicted: Scores, seed: int) -> Estimate:
    return loss_given_default.loss_capture_ratio(actual, predicted, seed=seed)


def _prices(spec: RunSpec, actual: Scores, predicted: Scores, frame: pd.DataFrame) -> list[Result]:
    n, errors = actual.size, predicted - actual
    tests: dict[str, Callable[[], HypothesisTest | Estimate]] = {
        "durbin_watson": lambda: residuals.durbin_watson(errors),
        "breusch_pagan": lambda: _spread(errors, frame),
        "jarque_bera": lambda: residuals.jarque_bera(errors),
        "lorenz_gini": lambda: insurance.lorenz_gini(actual, np.ones(n), predicted, spec.seed),
    }
    out = [attempt(spec, name, n, compute) for name, compute in tests.items()]
    return out + together(spec, ["factor_actual_to_expected"], n, lambda: _by_factor(spec, actual, predicted, frame))


def _spread(errors: Scores, frame: pd.DataFrame) -> HypothesisTest:
    """Breusch-Pagan on the features that are numbers and complete."""
    columns = {
        str(name): frame[name].to_numpy(dtype=np.float64)
        for name in frame.columns
        if frame[name].dtype.kind in "fiu" and frame[name].notna().all() and frame[name].nunique() > 1
    }
    if not columns:
        raise ValueError(NEEDS_NUMBERS)
    return residuals.breusch_pagan(errors, columns)


def _by_factor(spec: RunSpec, actual: Scores, predicted: Scores, frame: pd.DataFrame) -> list[Result]:
    out, limits = list[Result](), spec.limits("factor_actual_to_expected")
    for name in map(str, frame.columns):
        levels = _levels(frame[name])
        if levels is None:
            continue
        found = insurance.actual_to_expected(insurance.summarise(actual, predicted, levels))
        for level, estimate in found.items():
            if estimate is not None:
                out.append(judged("factor_actual_to_expected", estimate, limits, group=f"{name} {level}"))
    return out


def _levels(values: pd.Series) -> list[str] | None:
    """Numbers by quarter, text as it is; None where text has too many values."""
    if values.dtype.kind in "fiu":
        cut = pd.qcut(values, QUARTERS, duplicates="drop", precision=4)
        return [str(each) if pd.notna(each) else "missing" for each in cut]
    text = values.astype("string").fillna("missing")
    return text.tolist() if text.nunique() <= CATEGORIES else None


def _by_tenth(actual: Scores, predicted: Scores) -> Figure:
    order = np.argsort(predicted, kind="stable")
    parts = np.array_split(order, TENTHS)
    place = tuple(float(each) for each in range(1, TENTHS + 1))
    means = {"Predicted": predicted, "Actual": actual}
    lines = [
        Line(name, place, tuple(float(values[part].mean()) for part in parts), dashed=name == "Predicted")
        for name, values in means.items()
    ]
    gaps = [abs(a - p) for p, a in zip(lines[0].y, lines[1].y, strict=True)]
    worst = int(np.argmax(gaps))
    alt = (
        f"Predicted and actual mean by tenth of the prediction lie farthest apart in tenth {worst + 1}:"
        f" {lines[0].y[worst]:,.4g} predicted, {lines[1].y[worst]:,.4g} actual. The points are in the table below."
    )
    axes = ("Tenth of the rows, by prediction", "Mean amount")
    return lines_figure("predicted_actual", "Predicted and actual by tenth", lines, axes, alt, (False, False))
