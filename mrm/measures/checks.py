"""Columns as arrays of numbers; what does not fit is refused with column, row and remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scores = NDArray[np.float64]
Labels = NDArray[np.int64]


def column(values: ArrayLike, name: str) -> Scores:
    """`values` as float64, shape (n,); missing values stay NaN. Raises ValueError on other shapes and on text."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Column {name}, {_not_a_number(values)}; turn the column into numbers.") from error
    if array.ndim != 1:
        raise ValueError(f"Column {name} has the shape {array.shape}; give one value for each row.")
    return array


def finite(values: ArrayLike, name: str) -> Scores:
    """`values` as float64, shape (n,). Raises ValueError on a value that is missing or not finite."""
    array = column(values, name)
    _refuse(array, ~np.isfinite(array), name, "is not a finite number", "correct the value or leave the row out")
    return array


def within(values: ArrayLike, name: str, low: float, high: float) -> Scores:
    """Finite `values` between `low` and `high`, both included. Raises ValueError."""
    array = finite(values, name)
    said = f"lies outside {low:g} to {high:g}"
    _refuse(array, (array < low) | (array > high), name, said, "correct the value or declare another range")
    return array


def binary(values: ArrayLike, name: str = "label") -> Labels:
    """`values` as int64, each 0 or 1, shape (n,). Raises ValueError."""
    array = finite(values, name)
    odd = (array != 0) & (array != 1)
    _refuse(array, odd, name, "is neither 0 nor 1", "code the event as 1 and everything else as 0")
    return array.astype(np.int64)


def counts(values: ArrayLike, name: str) -> Labels:
    """`values` as int64 counts, shape (n,). Raises ValueError on fractions and negatives."""
    array = finite(values, name)
    odd = (array < 0) | (array != np.floor(array))
    _refuse(array, odd, name, "is not a count", "give whole numbers from zero")
    return array.astype(np.int64)


def same_length(**columns: NDArray[Any]) -> int:
    """The common length of the columns. Raises ValueError if they differ or hold no row."""
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        raise ValueError(f"The columns differ in length ({said} rows); give one value of each for every row.")
    n = next(iter(lengths.values()))
    if n == 0:
        raise ValueError(f"Column {next(iter(lengths))} has no row; give at least one.")
    return n


def both_classes(labels: Labels, name: str = "label") -> tuple[int, int]:
    """Events and non-events. Raises ValueError unless there are some of each."""
    events = int(labels.sum())
    if events in (0, labels.size):
        only = 1 if events else 0
        raise ValueError(
            f"Column {name} holds only {only} in its {labels.size:,} rows; ranking needs events and non-events."
        )
    return events, labels.size - events


def matrix(columns: Mapping[str, ArrayLike]) -> tuple[tuple[str, ...], Scores]:
    """Named finite columns as one matrix: names and values of shape (n, columns). Raises ValueError."""
    if not columns:
        raise ValueError("There is no column; name at least one.")
    arrays = {name: finite(values, name) for name, values in columns.items()}
    same_length(**arrays)
    return tuple(arrays), np.column_stack(list(arrays.values()))


def _refuse(array: Scores, bad: NDArray[np.bool_], name: str, said: str, remedy: str) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        more = f" ({rows.size:,} such rows)" if rows.size > 1 else ""
        raise ValueError(f"Column {name}, row {rows[0] + 1:,}: {array[rows[0]]:g} {said}{more}; {remedy}.")


def _not_a_number(values: Any) -> str:
    for row, value in enumerate(np.asarray(values, dtype=object).ravel(), start=1):
        try:
            float(value)
        except (TypeError, ValueError):
            return f"row {row:,}: {value!r} is not a number"
    return "its rows: the values have no common shape"
