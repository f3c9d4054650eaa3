"""Columns as few named strata: numbers in bands at disclosed quantiles, dates in months or quarters, names as they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mrm.measures.results import EvaluationFailed

BANDS, LEVELS, PERIODS = 4, 12, 36
_DAY = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-\d\d")


def segments(column: pa.ChunkedArray, name: str) -> pa.DictionaryArray:
    """The stratum of every row, null where the column has no value: the value itself, or its quarter of all rows.

    Raises `EvaluationFailed` if text has too many values to compare like with like.
    """
    column = _plain(column)
    values = pc.unique(column.drop_null())
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        if len(values) > LEVELS:
            return _banded(column)
    elif len(values) > LEVELS:
        raise EvaluationFailed(
            f"The column {name} has {len(values):,} values; a segment is a number, or a name with at most {LEVELS} values."
        )
    return _named(
        column, lambda few: [f"{each:g}" if isinstance(each, float) else str(each) for each in few.to_pylist()]
    )


def periods(column: pa.ChunkedArray, name: str) -> pa.DictionaryArray:
    """The period of every row: month or, beyond three years, quarter of a date; text as it is.

    Raises `EvaluationFailed` if the column is neither, or has more periods than a series shows.
    """
    column = _plain(column)
    if pa.types.is_floating(column.type):
        raise EvaluationFailed(
            f"The column {name} holds {column.type}; a period is a date, a year, or text such as 2026-Q1."
        )
    dated = pa.types.is_temporal(column.type) or _dates(column)
    found = _named(column, _months if dated else lambda few: [str(each).strip() for each in few.to_pylist()])
    several = len(pc.unique(found.cast(pa.string()).drop_null()))
    if not 1 < several <= PERIODS:
        raise EvaluationFailed(f"The column {name} has {several:,} periods; a series shows 2 to {PERIODS}.")
    return found


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _named(column: pa.ChunkedArray, name: Callable[[pa.Array], list[str | None]]) -> pa.DictionaryArray:
    """Every row by the name of its value: values are few, so each is named once."""
    coded = column.combine_chunks().dictionary_encode()
    named = name(coded.dictionary)
    places = {each: place for place, each in enumerate(dict.fromkeys(each for each in named if each is not None))}
    renamed = pa.array([None if each is None else places[each] for each in named], pa.int32())
    return pa.DictionaryArray.from_arrays(renamed.take(coded.indices), pa.array(list(places), pa.string()))


def _banded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    values = column.cast(pa.float64()).to_numpy()
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BANDS + 1)[1:-1]))
    shown = [f"{edge:,.6g}" for edge in edges]
    ends = pairwise(shown)
    # numbered, so that they keep their order wherever names are sorted
    said = [f"under {shown[0]}", *(f"{low} to under {high}" for low, high in ends), f"{shown[-1]} and over"]
    bands = np.searchsorted(edges, np.where(known, values, edges[0]), side="right").astype(np.int32)
    names = pa.array([f"{place}: {each}" for place, each in enumerate(said, start=1)], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(bands, mask=~known), names)


def _dates(column: pa.ChunkedArray) -> bool:
    known = column.drop_null()
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return text and len(known) > 0 and bool(_DAY.match(known[0].as_py()))


def _months(days: pa.Array) -> list[str | None]:
    """Months, or quarters if there are too many; None where text is no day."""
    found = pd.to_datetime(pd.Series(days.to_pandas()), errors="coerce", format="ISO8601")
    months, form = found.dt.to_period("M"), "%Y-%m"
    if months.nunique() > PERIODS:
        months, form = found.dt.to_period("Q"), "%Y-Q%q"
    return [None if absent else each for each, absent in zip(months.dt.strftime(form), months.isna(), strict=True)]
