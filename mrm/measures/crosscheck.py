"""The second opinion: every measure that fairlearn has, from the compressed table with weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import fairlearn.metrics
import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.metrics import accuracy_score, precision_score

from mrm.measures.fairness.errors import largest_difference
from mrm.measures.fairness.selection import parity
from mrm.measures.groups import INTERSECTION, GroupCounts, by_group, group_of
from mrm.measures.results import EvaluationFailed
from mrm.measures.tables import UNKNOWN_OUTCOME, Cell, Summary

TOLERANCE = 1e-9

Rate = Callable[[GroupCounts], float | None]
Triple = tuple[str, float, float]

# of decisions, for everybody whose group is known
_DECIDED: dict[str, tuple[Callable[..., float], Rate]] = {
    "selection_rate": (fairlearn.metrics.selection_rate, lambda g: g.selection_rate),
}
# of decisions that turned out right or wrong
_JUDGED: dict[str, tuple[Callable[..., float], Rate]] = {
    "true_positive_rate": (fairlearn.metrics.true_positive_rate, lambda g: g.rate("tpr")),
    "false_positive_rate": (fairlearn.metrics.false_positive_rate, lambda g: g.rate("fpr")),
    "true_negative_rate": (fairlearn.metrics.true_negative_rate, lambda g: g.rate("tnr")),
    "false_negative_rate": (fairlearn.metrics.false_negative_rate, lambda g: g.rate("fnr")),
    "precision": (partial(precision_score, zero_division=0), lambda g: g.rate("ppv")),
    "negative_predictive_value": (partial(precision_score, zero_division=0, pos_label=0), lambda g: g.rate("npv")),
    "accuracy": (accuracy_score, lambda g: g.rate("accuracy")),
}
_OVER_GROUPS = (
    "demographic_parity_difference", "demographic_parity_ratio", "equal_opportunity_difference",
    "equalized_odds_difference", "mean_score", "count",
)  # fmt: skip


class Disagreement(EvaluationFailed):
    """Two implementations of one measure differ by more than rounding."""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Largest absolute difference over `compared` values, and the reference's version."""

    max_difference: float
    compared: int
    library: str
    version: str
    measures: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"measures": list(self.measures)}


def crosscheck(summary: Summary, intersections: Sequence[tuple[str, ...]] = ()) -> CrossCheck:
    """Recompute the rates of every group, and the differences between groups, with fairlearn and compare.

    Raises `Disagreement` beyond 1e-9. Rates whose denominator is empty, for which fairlearn gives
    0 and we give nothing, are not compared.
    """
    worst, compared, measures = 0.0, 0, dict[str, None]()
    with config_context(assume_finite=True, skip_parameter_validation=True):  # the table is ours, and read often
        for attributes in [*((name,) for name in summary.spec.attributes), *intersections]:
            for name, ours, theirs in _triples(summary, attributes):
                compared += 1
                measures[name.split(" of ")[0]] = None
                worst = max(worst, abs(ours - theirs))
                if not abs(ours - theirs) <= TOLERANCE:
                    title = INTERSECTION.join(attributes)
                    raise Disagreement(f"{title}, {name}: {ours!r} here, {theirs!r} from fairlearn.")
    known = [name for name in (*_DECIDED, *_JUDGED, *_OVER_GROUPS) if name in measures]
    return CrossCheck(worst, compared, "fairlearn", version("fairlearn"), tuple(known))


def _triples(summary: Summary, attributes: tuple[str, ...]) -> Iterator[Triple]:
    """What was measured, our value, fairlearn's."""
    table = _weighted_table(summary, attributes)
    ours = {each.group: each for each in by_group(summary, attributes).known}
    if table.empty:
        return
    yield from _by_group(table, _DECIDED, ours)
    yield from _sizes_and_scores(table, ours, summary)
    groups, weights = list(ours.values()), table["n"]
    shared = {"sensitive_features": table["group"], "sample_weight": weights}
    difference, ratio = parity(groups)
    truth, decided = table["good"], table["favourable"]
    yield ("demographic_parity_difference", difference,
           float(fairlearn.metrics.demographic_parity_difference(truth, decided, **shared)))  # fmt: skip
    if ratio is not None:
        yield ("demographic_parity_ratio", ratio,
               float(fairlearn.metrics.demographic_parity_ratio(truth, decided, **shared)))  # fmt: skip
    known = table[table["label"] != UNKNOWN_OUTCOME]
    if known.empty:
        return
    yield from _by_group(known, _JUDGED, ours)
    if all(each.good and each.bad for each in groups):
        shared = {"sensitive_features": known["group"], "sample_weight": known["n"]}
        for name, rates in (("equal_opportunity_difference", ("tpr",)), ("equalized_odds_difference", ("tpr", "fpr"))):
            metric = getattr(fairlearn.metrics, name)
            yield name, largest_difference(groups, rates), float(metric(known["good"], known["favourable"], **shared))


def _by_group(
    rows: pd.DataFrame, rates: dict[str, tuple[Callable[..., float], Rate]], ours: dict[str, GroupCounts]
) -> Iterator[Triple]:
    frame = fairlearn.metrics.MetricFrame(
        metrics={name: metric for name, (metric, _) in rates.items()},
        y_true=rows["good"],
        y_pred=rows["favourable"],
        sensitive_features=rows["group"],
        sample_params={name: {"sample_weight": rows["n"]} for name in rates},
    )
    for group, values in frame.by_group.iterrows():
        for name, (_, rate) in rates.items():
            value = rate(ours[str(group)])
            if value is not None:
                yield f"{name} of {group}", value, float(values[name])


def _sizes_and_scores(table: pd.DataFrame, ours: dict[str, GroupCounts], summary: Summary) -> Iterator[Triple]:
    """People of every group, and where there are scores their mean, from the means of the cells."""
    scored = bool(summary.histograms)
    frame = fairlearn.metrics.MetricFrame(
        metrics=fairlearn.metrics.mean_prediction,
        y_true=table["good"],
        y_pred=table["mean_score"],
        sensitive_features=table["group"],
        sample_params={"sample_weight": table["n"]},
    )
    people = table.groupby("group")["n"].sum()
    for group, theirs in frame.by_group.items():
        mine = ours[str(group)]
        yield f"count of {group}", float(mine.n), float(people[group])
        if scored:
            yield f"mean_score of {group}", summary.mean_and_variance(mine.scores)[0], float(theirs)


def _weighted_table(summary: Summary, attributes: tuple[str, ...]) -> pd.DataFrame:
    """One row per group, label and decision: its people as weight, and their mean score."""
    named = group_of(summary, attributes)
    cells: dict[tuple[str, int, int], Cell] = {}
    for (groups, label, favourable), cell in summary.cells.items():
        group = named(groups)
        if group is not None and cell.n:
            key = (group, label, favourable)
            cells[key] = cells.get(key, Cell(0, 0, 0)) + cell
    rows = [(*key, float(cell.n), summary.mean_and_variance(cell)[0]) for key, cell in sorted(cells.items())]
    table = pd.DataFrame(rows, columns=["group", "label", "favourable", "n", "mean_score"])
    good = (table["label"] == summary.spec.good_outcome).astype(int)
    return table.astype({"n": np.float64}).assign(good=good)
