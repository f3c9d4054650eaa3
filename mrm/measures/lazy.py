"""The same counts where the data live: Spark, or any other lazy frame that narwhals knows.

Only the counts come back, some kilobytes whatever the number of rows. They are the summaries of
`tables` and `stability.counts`, bit for bit, so every measure of them is the same measure.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
from narwhals.typing import IntoLazyFrame

from mrm.measures.specification import UNKNOWN_OUTCOME, Spec
from mrm.measures.stability import counts as stability
from mrm.measures.stability.edges import CategoricalColumn, Column, Edges, NumericColumn
from mrm.measures.tables import Cell, CellKey, Groups, Histogram, Summary
from mrm.measures.tally import COMBINATIONS, FIXED_POINT

Frame: TypeAlias = "nw.LazyFrame[Any]"
_HALF = 2**16  # a fixed-point score is split in two, so that no square leaves the whole numbers of 64 bits
_LABEL, _CHOSEN, _BIN = "__label", "__favourable", "__bin"


def summarise(scored: IntoLazyFrame, spec: Spec, protected: IntoLazyFrame | None = None) -> Summary:
    """The table of counts of a lazy frame, protected attributes joined by row id from another one.

    Raises ValueError, with a sentence, on missing columns, missing scores, scores outside the range,
    labels other than 0, 1 and null, and row ids that are not unique.
    """
    frame = _joined(scored, spec, protected)
    _check(frame, spec)
    position = (nw.col(spec.score).cast(nw.Float64) - spec.low) / (spec.high - spec.low)
    favourable = nw.col(spec.score) < spec.cutoff if spec.favourable == "below" else nw.col(spec.score) >= spec.cutoff
    place = (position * spec.bins).floor()
    fixed = (position * FIXED_POINT + 0.5).floor()
    upper = (fixed / _HALF).floor()
    coded = frame.select(
        *(_group(frame, name) for name in spec.dimensions),
        nw.col(spec.label).cast(nw.Float64).fill_null(UNKNOWN_OUTCOME).cast(nw.Int64).alias(_LABEL),
        favourable.cast(nw.Int64).alias(_CHOSEN),
        nw.when(place >= spec.bins).then(nw.lit(spec.bins - 1)).otherwise(place).cast(nw.Int64).alias(_BIN),
        upper.cast(nw.Int64).alias("upper"),
        (fixed - upper * _HALF).cast(nw.Int64).alias("lower"),
    )
    parts = coded.with_columns(
        (nw.col("upper") * nw.col("upper")).alias("high"),
        (nw.col("upper") * nw.col("lower")).alias("cross"),
        (nw.col("lower") * nw.col("lower")).alias("low"),
    )
    sums = [nw.col(name).sum() for name in ("upper", "lower", "high", "cross", "low")]
    counted = parts.group_by(*spec.dimensions, _LABEL, _CHOSEN, _BIN).agg(nw.len().alias("rows"), *sums)
    return _summary(spec, _rows(counted))


def count(frame: IntoLazyFrame, edges: Edges) -> stability.Summary:
    """A lazy frame counted by frozen edges in one scan, as `stability.counts.summarise`.

    Raises ValueError on columns that are absent or of another kind than in the reference.
    """
    lazy = _lazy(frame)
    schema = lazy.collect_schema()
    _need(schema.names(), [each.name for each in edges.columns])
    wanted = {
        f"{place}_{number}": condition.cast(nw.Int64).sum()
        for place, column in enumerate(edges.columns)
        for number, condition in enumerate(_bins(column, schema[column.name]))
        if condition is not None
    }
    row = _rows(lazy.select(nw.len().alias("rows"), *(total.alias(name) for name, total in wanted.items())))[0]
    counts = {
        column.name: _counted(row, place, len(stability.bin_names(column)))
        for place, column in enumerate(edges.columns)
    }
    return stability.Summary(edges.digest(), int(row["rows"]), counts)


def _counted(row: dict[str, Any], place: int, bins: int) -> Histogram:
    return np.array([int(row.get(f"{place}_{number}") or 0) for number in range(bins)], dtype=np.int64)


def _lazy(frame: IntoLazyFrame) -> Frame:
    return nw.from_native(frame).lazy()


def _rows(frame: Frame) -> list[dict[str, Any]]:
    return frame.collect(backend="pyarrow").rows(named=True)


def _joined(scored: IntoLazyFrame, spec: Spec, protected: IntoLazyFrame | None) -> Frame:
    frame = _lazy(scored)
    if protected is None:
        _need(frame.collect_schema().names(), (spec.label, spec.score, *spec.dimensions))
        return frame
    groups = _lazy(protected)
    _need(frame.collect_schema().names(), (spec.row_id, spec.label, spec.score, *spec.segments))
    _need(groups.collect_schema().names(), (spec.row_id, *spec.attributes))
    for name, each in (("scored", frame), ("protected", groups)):
        ids = nw.col(spec.row_id)
        wanted = (nw.len().alias("rows"), ids.n_unique().alias("ids"), ids.is_null().any().alias("missing"))
        row = _rows(each.select(*wanted))[0]
        if row["missing"] or row["rows"] != row["ids"]:
            raise ValueError(f"Row ids of the {name} data are missing or not unique.")
    own = frame.select(spec.row_id, spec.label, spec.score, *spec.segments)
    return own.join(groups.select(spec.row_id, *spec.attributes), on=spec.row_id, how="left")


def _need(present: Iterable[str], wanted: Iterable[str]) -> None:
    held = set(present)
    if missing := [name for name in wanted if name not in held]:
        raise ValueError(f"The data has no column {', '.join(missing)}.")


def _check(frame: Frame, spec: Spec) -> None:
    """Raise ValueError with the number of rows that cannot be counted, and why."""
    schema = frame.collect_schema()
    for name in (spec.label, spec.score):
        if not schema[name].is_numeric() and schema[name] != nw.Boolean:
            raise ValueError(f"The column {name} holds {schema[name]} where numbers are needed.")
    score, label = nw.col(spec.score).cast(nw.Float64), nw.col(spec.label).cast(nw.Float64)
    unscored = score.is_null() | score.is_nan()
    outside = (score < spec.low) | (score > spec.high)
    odd = ~label.is_null() & (label != 0) & (label != 1)
    row = _rows(
        frame.select(
            unscored.cast(nw.Int64).sum().alias("unscored"),
            (~unscored & outside).cast(nw.Int64).sum().alias("outside"),
            odd.cast(nw.Int64).sum().alias("odd"),
        )
    )[0]
    if row["unscored"]:
        raise ValueError(f"{row['unscored']} rows have no score.")
    if row["outside"]:
        raise ValueError(f"{row['outside']} scores lie outside {spec.low:g} to {spec.high:g}.")
    if row["odd"]:
        raise ValueError(f"{row['odd']} labels are neither 0 nor 1.")


def _group(frame: Frame, name: str) -> nw.Expr:
    """The column as the name of a group; null for nobody's: null, blank, not a number."""
    value = nw.col(name)
    if not frame.collect_schema()[name].is_float():
        text = value.cast(nw.String).str.strip_chars()
        return nw.when(text != "").then(text).alias(name)
    known = ~value.is_null() & ~value.is_nan()
    number = nw.when(known).then(value)
    # a whole number is named without a decimal point, whatever the engine would write
    whole = nw.when(number == number.floor()).then(number.floor())
    text = nw.when(whole.is_null()).then(number.cast(nw.String)).otherwise(whole.cast(nw.Int64).cast(nw.String))
    return nw.when(known).then(text).alias(name)


def _summary(spec: Spec, rows: list[dict[str, Any]]) -> Summary:
    cells: dict[CellKey, Cell] = {}
    bins: dict[tuple[Groups, int], Histogram] = {}
    for row in rows:
        who = tuple(row[name] for name in spec.dimensions)
        label = int(row[_LABEL])
        squares = int(row["high"]) * _HALF**2 + 2 * int(row["cross"]) * _HALF + int(row["low"])
        cell = Cell(int(row["rows"]), int(row["upper"]) * _HALF + int(row["lower"]), squares)
        key = (who, label, int(row[_CHOSEN]))
        cells[key] = cells[key] + cell if key in cells else cell
        if (who, label) not in bins:
            bins[who, label] = np.zeros(spec.bins, dtype=np.int64)
        bins[who, label][row[_BIN]] += int(row["rows"])
    if len({who for who, _label, _chosen in cells}) > COMBINATIONS:
        names = ", ".join(spec.dimensions)
        raise ValueError(
            f"The columns {names} make more than {COMBINATIONS:,} combinations; put their values into bands."
        )
    return Summary(spec, cells, bins)


def _bins(column: Column, kind: nw.dtypes.DType) -> list[nw.Expr | None]:
    """One condition per bin, in the order of `stability.bin_names`, None where no row can be; a row meets exactly one."""
    if isinstance(column, CategoricalColumn):
        return _categories(column, kind)
    return _intervals(column, kind)


def _categories(column: CategoricalColumn, kind: nw.dtypes.DType) -> list[nw.Expr | None]:
    if not (kind.is_integer() or kind in (nw.String, nw.Boolean, nw.Categorical)):
        raise ValueError(f"Column {column.name} holds {kind}, and categories in the reference; turn it into text.")
    text = nw.col(column.name).cast(nw.String)
    missing = text.is_null() | _sure(text == "")
    unseen = ~missing & ~_sure(text.is_in(list(column.values)))
    return [missing, None, None, unseen, *(_sure(text == value) for value in column.values)]


def _intervals(column: NumericColumn, kind: nw.dtypes.DType) -> list[nw.Expr | None]:
    if not kind.is_numeric():
        raise ValueError(f"Column {column.name} holds {kind}, and numbers in the reference; turn it into numbers.")
    value = nw.col(column.name).cast(nw.Float64)
    missing = value.is_null() | _sure(value.is_nan())
    first = (value >= column.low) & (value <= column.upper[0])
    inner = [(value > a) & (value <= b) for a, b in pairwise(column.upper)]
    below, above, *held = (
        ~missing & _sure(each) for each in (value < column.low, value > column.upper[-1], first, *inner)
    )
    return [missing, below, above, None, *held]


def _sure(condition: nw.Expr) -> nw.Expr:
    """A condition that a missing value does not meet."""
    return condition.fill_null(False)
