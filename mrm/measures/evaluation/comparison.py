"""A champion against challengers on the same rows: who ranks better, who would be swapped, who pays, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures import charts
from mrm.measures.calibration import brier, ece
from mrm.measures.challengers import (
    Cost,
    auc_difference,
    brier_difference,
    flip_rate,
    mcnemar,
    ratio_difference,
    swap_set,
)
from mrm.measures.discrimination import auc
from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.pins import pins
from mrm.measures.evaluation.scored import Scored, scored_rows
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import fairness
from mrm.measures.figures import Figure
from mrm.measures.intervals import wilson
from mrm.measures.judging import judged, withheld
from mrm.measures.results import EvaluationFailed, Result
from mrm.measures.scoring import cost_of_explaining
from mrm.measures.stability.assessment import stability

NO_SAMPLE = "Measured once on these rows; it differs a little from run to run and from machine to machine."


@dataclass(frozen=True, slots=True)
class Contender:
    """A model under its name, with everything its scores depend on; all contenders share data, label and side."""

    name: str
    spec: RunSpec


@dataclass(frozen=True, slots=True)
class Comparison:
    """Results by contender, `attribute` naming it and `reference` the champion of a difference; the figure; the pins."""

    results: tuple[Result, ...]
    figures: tuple[dict[str, Any], ...]
    pins: dict[str, Any]


def compare(contenders: Sequence[Contender], progress: Progress | None = None) -> Comparison:
    """The first contender is the champion. Raises `EvaluationFailed`, with a sentence, as a run does.

    Stages: scoring, comparing, explaining.
    """
    tell = progress or (lambda stage, done, total: None)
    rows = [_rows(each, tell) for each in contenders]
    tell("comparing", 0, len(contenders))
    ratios = [_ratios(each, found) for each, found in zip(contenders, rows, strict=True)]
    results: list[Result] = []
    for each, found, shown in zip(contenders, rows, ratios, strict=True):
        results += [*_alone(each, found), *shown, *_costs(each, found, tell)]
    champion = (contenders[0], rows[0], ratios[0])
    for place in range(1, len(contenders)):
        results += _against(champion, (contenders[place], rows[place], ratios[place]))
        tell("comparing", place, len(contenders))
    kept = {each.name: pins(each.spec, found.network) for each, found in zip(contenders, rows, strict=True)}
    return Comparison(tuple(results), (_figure(results).as_dict(),), {"contenders": kept})


def _rows(contender: Contender, tell: Progress) -> Scored:
    try:
        return scored_rows(contender.spec, tell)
    except EvaluationFailed as fault:
        raise EvaluationFailed(f"{contender.name}: {fault}") from fault


def _favourable(spec: RunSpec, rows: Scored) -> NDArray[np.bool_]:
    return rows.scores < spec.cutoff if spec.favourable == "below" else rows.scores >= spec.cutoff


def _alone(contender: Contender, rows: Scored) -> Iterator[Result]:
    """How a contender stands by itself."""
    labels, scores = rows.labels[rows.known].astype(np.int64), rows.scores[rows.known]
    decided = _favourable(contender.spec, rows)
    share = int(decided.sum())
    try:
        found = {
            "auc": auc(labels, scores),
            "brier": brier(labels, scores),
            "ece": ece(labels, scores, contender.spec.seed),
        }
    except ValueError as fault:
        raise EvaluationFailed(f"{contender.name}: {fault}") from fault
    found["favourable_rate"] = Estimate(
        share / decided.size, *wilson(share, decided.size), "share decided favourably; Wilson interval", decided.size
    )
    for measure, estimate in found.items():
        yield judged(measure, estimate, attribute=contender.name)
    if rows.reference is not None:
        shifts = stability(
            rows.reference, rows.file, ["score"], {}, seed=contender.spec.seed, engine=contender.spec.engine
        )
        yield from (replace(each, attribute=contender.name, group="") for each in shifts if each.measure == "psi")


def _ratios(contender: Contender, rows: Scored) -> list[Result]:
    """The impact ratio of every group that may be shown, under this contender; `group` is attribute and group."""
    spec = contender.spec
    if spec.protected is None:
        return []
    settings = spec.fairness or FairnessSettings(references=spec.references, seed=spec.seed)
    found = fairness(rows.summary, replace(settings, intersections=()))
    return [
        replace(each, attribute=contender.name, group=f"{each.attribute}: {each.group}",
                detail={**each.detail, "attribute": each.attribute, "group": each.group, "reference": each.reference})
        for each in found if each.measure == "air" and each.value is not None
    ]  # fmt: skip


def _against(
    champion: tuple[Contender, Scored, list[Result]], challenger: tuple[Contender, Scored, list[Result]]
) -> Iterator[Result]:
    """The challenger less the champion, row by row."""
    (first, before, shown), (second, after, also) = champion, challenger
    where: dict[str, Any] = {"attribute": second.name, "reference": first.name}
    if before.scores.size != after.scores.size:
        raise EvaluationFailed(
            f"{second.name} has scores for {after.scores.size:,} rows, {first.name} for {before.scores.size:,}."
        )
    known = before.known
    labels = before.labels[known].astype(np.int64)
    difference, test = auc_difference(labels, before.scores[known], after.scores[known])
    yield judged("auc_difference", difference, p_adjusted=test.p, **where)
    yield judged("brier_difference", brier_difference(labels, before.scores[known], after.scores[known]), **where)
    old, new = _favourable(first.spec, before), _favourable(second.spec, after)
    good = 1 if first.spec.favourable == "at_or_above" else 0
    right = mcnemar((old[known] == (labels == good)), (new[known] == (labels == good)))
    detail = {"mcnemar_p": right.p, **right.detail}
    yield judged("flip_rate", replace(flip_rate(old, new), detail=detail), **where)
    outcome = np.where(np.isnan(before.labels), np.nan, before.labels == good)
    for swap in swap_set(old, new, outcome):
        counts = {"people": swap.n, "known": swap.known, "good": swap.good}
        if swap.rate is None:
            yield withheld("swap", "info", "No outcome is known of these people.", swap.n, group=swap.decided, **where)
        else:
            yield judged("swap", replace(swap.rate, detail=counts), group=swap.decided, **where)
    yield from _fairer(first, second, old, new, shown, also, where)


def _fairer(
    first: Contender, second: Contender, old: NDArray[np.bool_], new: NDArray[np.bool_], shown: list[Result],
    also: list[Result], where: dict[str, Any],
) -> Iterator[Result]:  # fmt: skip
    """The change of the impact ratio of every group that both may show with the same reference."""
    if first.spec.protected is None:
        return
    both = {each.group: each.detail["reference"] for each in also}
    ids = pq.read_table(first.spec.dataset, columns=["row_id"])["row_id"].to_pandas()
    people = pq.read_table(first.spec.protected)
    for each in shown:
        attribute, group, reference = (str(each.detail[name]) for name in ("attribute", "group", "reference"))
        if both.get(each.group) != reference:
            continue
        groups = _names(people, attribute, ids)
        try:
            found = ratio_difference(old, new, groups, group, reference, first.spec.seed)
        except ValueError as fault:
            yield withheld("ratio_difference", "insufficient", str(fault), 0, group=each.group, **where)
        else:
            yield judged("ratio_difference", found, group=each.group, **where)


def _names(people: pa.Table, attribute: str, ids: pd.Series[Any]) -> list[str | None]:
    """The group of each row by the names that the table of counts gives them, None where nobody knows."""
    column = people[attribute]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    named = pd.Series(column.cast(pa.string()).to_pylist(), index=people["row_id"].to_pandas())
    texts = [None if pd.isna(name) else str(name).strip() for name in named.reindex(ids)]
    return [text or None for text in texts]


def _costs(contender: Contender, rows: Scored, tell: Progress) -> Iterator[Result]:
    """What 1,000 predictions took of a processor, the most memory, and what 1,000 explanations would take."""
    spec = contender.spec
    if rows.cost is None or spec.artifact is None:
        yield withheld(
            "cpu_per_thousand",
            "not_applicable",
            "Its predictions were uploaded; the model was not run here.",
            rows.scores.size,
            attribute=contender.name,
        )
        return
    tell("explaining", 0, 1)
    try:
        count, cpu = cost_of_explaining(
            spec.artifact, spec.kind, spec.artifact_sha256, spec.dataset, spec.folder, spec.features, spec.seed,
            timeout_s=spec.timeout_s, memory_mb=spec.memory_mb,
        )  # fmt: skip
    except EvaluationFailed:
        count, cpu = 0, 0.0
    cost = Cost(rows.cost.predictions, rows.cost.cpu_s, rows.cost.memory_mb, count, cpu)
    predicting, explaining = cost.per_thousand()
    found = {
        "cpu_per_thousand": Estimate(
            predicting, None, None, "processor seconds per 1,000 predictions", cost.predictions, NO_SAMPLE
        ),
        "memory": Estimate(
            cost.memory_mb, None, None, "most memory held, in MB, libraries included", cost.predictions, NO_SAMPLE
        ),
    }
    if explaining is not None:
        found["explaining_cpu_per_thousand"] = Estimate(
            explaining, None, None, "processor seconds per 1,000 explanations", count, NO_SAMPLE
        )
    for measure, estimate in found.items():
        yield judged(measure, estimate, attribute=contender.name)


def _figure(results: Sequence[Result]) -> Figure:
    """Every difference with its interval, and a line where there is none."""
    titles = {
        "auc_difference": "Area under the curve",
        "brier_difference": "Brier score",
        "ratio_difference": "Impact ratio",
    }
    held = [each for each in results if each.measure in titles and each.value is not None]
    bars = [
        charts.Bar(f"{each.attribute}, {titles[each.measure].lower()}{' ' + each.group if each.group else ''}",
                   each.value or 0.0, each.lower, each.upper)
        for each in held
    ]  # fmt: skip
    rows = tuple((bar.name, bar.value, bar.lower, bar.upper) for bar in bars)
    light, dark = (charts.draw_marks(bars, [0.0], "Challenger less champion", theme) for theme in charts.THEMES)
    alt = "Differences to the champion: " + "; ".join(f"{bar.name} {bar.value:+.3f}" for bar in bars[:12]) + "."
    return Figure(
        "differences", "Differences to the champion", light, dark, alt, ("Difference", "Value", "Lower", "Upper"), rows
    )
