"""Columns as few named strata: numbers in bands at disclosed quantiles, dates in months or quarters, names as they are."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mrm.measures.results import EvaluationFailed

BANDS, LEVELS, PERIODS = 4, 12, 36
_DAY = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-\d\d")

Names = NDArray[np.object_]


def segments(column: pa.ChunkedArray, name: str) -> Names:
    """The stratum of every row, None where the column has no value: the value itself, or its quarter of all rows.

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
    return np.array([None if each is None else f"{each:g}" if isinstance(each, float) else str(each)
                     for each in column.to_pylist()], dtype=object)  # fmt: skip


def periods(column: pa.ChunkedArray, name: str) -> Names:
    """The period of every row: month or, beyond three years, quarter of a date; text as it is.

    Raises `EvaluationFailed` if the column is neither, or has more periods than a series shows.
    """
    column = _plain(column)
    if pa.types.is_floating(column.type):
        raise EvaluationFailed(
            f"The column {name} holds {column.type}; a period is a date, a year, or text such as 2026-Q1."
        )
    if pa.types.is_temporal(column.type) or _dates(column):
        found = _months(column)
    else:
        found = np.array([None if each is None else str(each).strip() for each in column.to_pylist()], dtype=object)
    several = {each for each in found if each is not None}
    if not 1 < len(several) <= PERIODS:
        raise EvaluationFailed(f"The column {name} has {len(several):,} periods; a series shows 2 to {PERIODS}.")
    return found


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _banded(column: pa.ChunkedArray) -> Names:
    values = column.cast(pa.float64()).to_numpy()
    known = np.isfinite(values)
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BANDS + 1)[1:-1]))
    shown = [f"{edge:,.6g}" for edge in edges]
    ends = pairwise(shown)
    # numbered, so that they keep their order wherever names are sorted
    said = [f"under {shown[0]}", *(f"{low} to under {high}" for low, high in ends), f"{shown[-1]} and over"]
    names = np.array([f"{place}: {each}" for place, each in enumerate(said, start=1)], dtype=object)
    out = names[np.searchsorted(edges, np.where(known, values, edges[0]), side="right")]
    out[~known] = None
    return np.asarray(out)


def _dates(column: pa.ChunkedArray) -> bool:
    known = column.drop_null()
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return text and len(known) > 0 and bool(_DAY.match(known[0].as_py()))


def _months(column: pa.ChunkedArray) -> Names:
    days = pd.to_datetime(pd.Series(column.to_pandas()), errors="coerce", format="ISO8601")
    months = days.dt.to_period("M")
    if months.nunique() > PERIODS:
        quarters = days.dt.to_period("Q")
        return _named(quarters, "%Y-Q%q")
    return _named(months, "%Y-%m")


def _named(periods: pd.Series, form: str) -> Names:
    said = periods.dt.strftime(form)
    return np.array([None if absent else each for each, absent in zip(said, periods.isna(), strict=True)], dtype=object)
