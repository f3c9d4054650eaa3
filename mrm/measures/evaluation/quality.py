"""Quality of the data: what is missing, repeated, constant, of another type or unit, leaking, old or seen before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mrm.measures.engine import FLOATS, INTEGERS, TEXT
from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.attempts import attempt, sampled, together
from mrm.measures.evaluation.outcome import Part
from mrm.measures.evaluation.scored import Scored, outcomes
from mrm.measures.evaluation.spec import Progress, RunSpec
from mrm.measures.figures import Figure, marks_figure
from mrm.measures.intervals import wilson
from mrm.measures.judging import judged
from mrm.measures.quality import columns, leakage, rows
from mrm.measures.results import EvaluationFailed, Result

NO_REFERENCE = "It is measured against the training data; link them to the version."
NO_DATES = "Name the column that dates the rows when the run is started."
MOST = 200_000  # rows that one column alone is judged on
SETTLED = 0.5  # a text column with more numbers than this is taken for one of numbers


def part(spec: RunSpec, scored: Scored, tell: Progress) -> Part:
    """Every measure of quality under its limits, and the figures."""
    tell("quality", 0, 3)
    now = _profiles(spec)
    found = [*_of_columns(spec, now), *_repeated(spec)]
    tell("quality", 1, 3)
    found += _leaking(spec, scored)
    undone = dict[str, str]()
    if spec.reference is None:
        undone |= dict.fromkeys(("unit-change", "cardinality", "train-test-overlap", "outcome-rate"), NO_REFERENCE)
    else:
        found += _against(spec, scored, now, undone)
    tell("quality", 2, 3)
    if column := str(spec.tests.get("timeliness", {}).get("column", "")):
        found.append(attempt(spec, "stale_rows", scored.labels.size, lambda: _stale(spec, column), group=column))
    else:
        undone["timeliness"] = NO_DATES
    return Part(found, _figures(spec, found), undone=undone)


def _profiles(spec: RunSpec) -> columns.Profiles:
    try:
        return columns.profile(spec.dataset, spec.features, engine=spec.engine)
    except ValueError as error:
        raise EvaluationFailed(f"The quality of the data set cannot be judged: {error}") from error


def _of_columns(spec: RunSpec, now: columns.Profiles) -> Iterator[Result]:
    for name, each in now.items():
        yield judged("missing_share", _missing(each), spec.limits("missing_share"), group=name)
    for name, found in columns.constancy(now).items():
        compute = _given(found)
        yield attempt(spec, "most_frequent_share", now[name].n, compute, "No value is present.", group=name)
    yield from _types(spec, now)


def _given(found: Estimate | None) -> Callable[[], Estimate | None]:
    return lambda: found


def _missing(each: columns.ColumnProfile) -> Estimate:
    method = "share of rows; Wilson interval"
    return Estimate(each.missing / each.n, *wilson(each.missing, each.n), method, each.n)


def _types(spec: RunSpec, now: columns.Profiles) -> Iterator[Result]:
    """Columns of text that should hold numbers; those typed as numbers by the file hold nothing else."""
    text = [name for name, each in now.items() if each.kind in TEXT]
    wanted = _numeric_before(spec, text)
    broken = columns.violations(spec.dataset, dict.fromkeys(text, columns.Format("number")), engine=spec.engine)
    for name, each in now.items():
        limits = spec.limits("type_violations")
        if name not in text:
            low, high = wilson(0, each.n)
            typed = Estimate(0.0, low, high, f"typed {each.kind.lower()} by the file", each.n)
            yield judged("type_violations", typed, limits, group=name)
        elif name in wanted or broken[name].share.value < SETTLED:
            share = broken[name].share
            first = {"row": broken[name].row, "value": broken[name].value}
            said = f"Row {first['row']:,} holds {first['value']!r}." if first["row"] else share.reason
            found = Estimate(share.value, share.lower, share.upper, share.method, share.n, said, first)
            yield judged("type_violations", found, limits, group=name)


def _numeric_before(spec: RunSpec, names: list[str]) -> set[str]:
    """Columns that hold numbers in the training data."""
    if spec.reference is None or not names:
        return set()
    held = set(pq.read_schema(spec.reference).names)
    before = columns.profile(spec.reference, [name for name in names if name in held], engine=spec.engine)
    return {name for name, each in before.items() if _is_number(each.kind)}


def _is_number(kind: str) -> bool:
    return kind in INTEGERS or kind in FLOATS or kind == "DECIMAL"


def _repeated(spec: RunSpec) -> Iterator[Result]:
    names = [str(name) for name in pq.read_schema(spec.dataset).names if name != "row_id"]
    yield _found(spec, "duplicate_rows", lambda: rows.duplicates(spec.dataset, names, engine=spec.engine))


def _found(spec: RunSpec, measure: str, look: Callable[[], rows.Found]) -> Result:
    def told() -> list[Result]:
        found = look()
        share, first = found.share, f"The first is row {found.row:,}." if found.row else ""
        estimate = Estimate(share.value, share.lower, share.upper, share.method, share.n, first, {"row": found.row})
        return [judged(measure, estimate, spec.limits(measure))]

    return together(spec, [measure], 0, told)[0]


def _leaking(spec: RunSpec, scored: Scored) -> list[Result]:
    if spec.predicts_amounts:
        return []
    known = sampled(spec, "leakage", np.flatnonzero(scored.known), MOST)
    table = pq.read_table(spec.dataset, columns=list(spec.features)).take(known)
    numeric = {
        name: table[name].cast(pa.float64()).to_numpy()
        for name in dict.fromkeys(spec.features)
        if pa.types.is_integer(table.schema.field(name).type) or pa.types.is_floating(table.schema.field(name).type)
    }
    labels = scored.labels[known].astype(np.int64)

    def told() -> list[Result]:
        return [
            attempt(spec, "single_column_auc", labels.size, _given(each), "The column is constant.", group=name)
            for name, each in leakage.single_column_auc(numeric, labels).items()
        ]

    return together(spec, ["single_column_auc"], labels.size, told)


def _against(spec: RunSpec, scored: Scored, now: columns.Profiles, undone: dict[str, str]) -> Iterator[Result]:
    """What only the training data can tell; tests that they do not allow go into `undone`."""
    assert spec.reference is not None
    reference, names = spec.reference, list(now)
    try:
        before = columns.profile(reference, names, engine=spec.engine)
    except ValueError as error:
        undone |= dict.fromkeys(("unit-change", "cardinality", "train-test-overlap"), f"Of the training data: {error}")
    else:
        for name, found in columns.unit_change(before, now).items():
            power = Estimate(float(found.detail["power"]), None, None, found.method, found.n, found.reason,
                             {"ratio": found.value})  # fmt: skip
            yield judged("unit_change", power, spec.limits("unit_change"), group=name)
        if not any(each.kind in TEXT for each in now.values()):
            undone["cardinality"] = "No feature is text, so there are no categories."
        for name, grown in columns.cardinality_growth(before, now).items():
            if now[name].kind in TEXT and grown is not None:
                yield judged("cardinality_growth", grown, spec.limits("cardinality_growth"), group=name)
        yield _found(
            spec, "train_test_overlap", lambda: rows.overlap(reference, spec.dataset, names, engine=spec.engine)
        )
    if not spec.predicts_amounts:
        yield from _outcome_rate(spec, scored, undone)


def _outcome_rate(spec: RunSpec, scored: Scored, undone: dict[str, str]) -> Iterator[Result]:
    assert spec.reference is not None
    if spec.label not in pq.read_schema(spec.reference).names:
        undone["outcome-rate"] = f"The training data have no column {spec.label}."
        return
    try:
        then = outcomes(pq.read_table(spec.reference, columns=[spec.label])[spec.label], spec).drop_null()
    except EvaluationFailed as error:
        undone["outcome-rate"] = f"Of the training data: {error}"
        return
    known = scored.labels[scored.known]
    before, current = (int(pc.sum(then).as_py()), len(then)), (int(known.sum()), known.size)

    def told() -> list[Result]:
        change, test = leakage.base_rate_change(before, current)
        detail = {"before": before[0] / before[1], "p": test.p}
        found = Estimate(change.value, change.lower, change.upper, change.method, change.n, change.reason, detail)
        return [judged("base_rate_change", found, spec.limits("base_rate_change"))]

    yield from together(spec, ["base_rate_change"], known.size, told)


def _stale(spec: RunSpec, column: str) -> Estimate:
    held = pq.read_schema(spec.dataset)
    if column not in held.names:
        raise ValueError(f"The data set has no column {column} to date the rows by; name one of its columns.")
    kind = held.field(column).type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        raise ValueError(f"Column {column} holds {kind}; turn it into dates or times.")
    newest = pc.max(pq.read_table(spec.dataset, columns=[column])[column].cast(pa.timestamp("us"))).as_py()
    if newest is None:
        raise ValueError(f"Column {column} dates no row.")
    days = int(spec.tests["timeliness"]["days"])
    return rows.stale(spec.dataset, column, newest, timedelta(days=days), engine=spec.engine).share


def _figures(spec: RunSpec, found: list[Result]) -> list[Figure]:
    out = []
    asked = spec.asked("quality")
    for test, measure, title, unit in (
        ("missing-values", "missing_share", "Missing values by feature", "Share missing"),
        ("leakage", "single_column_auc", "What each feature alone tells of the outcome", "Area under the ROC curve"),
    ):
        shown = [each for each in found if each.measure == measure and each.group and each.value is not None]
        if test in asked and shown:
            out.append(marks_figure(f"quality_{test}", title, unit, shown, spec.limits(measure)))
    return out
