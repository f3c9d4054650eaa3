"""Rows outside the domain a model is approved for: the Arizona applicant of a California model.

Three layers: conditions that were approved and may never be broken, the range of the reference,
and its density. Every row outside is named with the reason, so that it can go to a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mrm.measures.checks import Scores, matrix
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import wilson
from mrm.measures.stability.conditions import Condition, OneOf
from mrm.measures.stability.edges import CategoricalColumn, Edges, NumericColumn

LEVEL = 0.99
LAYERS = ("condition", "envelope", "density")


@dataclass(frozen=True, slots=True)
class Density:
    """Mean and inverse covariance of the reference's numbers, and the squared distance the share `level` of its rows stays within."""

    names: tuple[str, ...]
    mean: Scores
    precision: Scores
    limit: float
    level: float


@dataclass(frozen=True, slots=True)
class Outside:
    """One row outside the domain: its number from 1, the layer, and the reason in a sentence."""

    row: int
    layer: str
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class DomainReport:
    """Share of rows outside by layer, of all rows, and the first of those rows with their reasons."""

    rates: Mapping[str, Estimate]
    rows: tuple[Outside, ...]
    found: int


def fit_density(reference: Mapping[str, Any], level: float = LEVEL) -> Density:
    """Mahalanobis distance of the reference's numbers and the quantile `level` of its own rows (Mahalanobis 1936, Proc. Nat. Inst. Sci. India 2:49).

    Raises ValueError on missing values, and unless there are more rows than columns and none follows from others.
    """
    names, values = matrix(reference)
    if len(values) <= 2 * len(names):
        raise ValueError(
            f"A density of {len(names)} columns needs more than {2 * len(names)} rows; there are {len(values):,}."
        )
    mean, covariance = values.mean(axis=0), np.atleast_2d(np.cov(values, rowvar=False))
    spread = np.sqrt(np.diag(covariance))
    if (spread == 0).any() or np.linalg.cond(covariance / np.outer(spread, spread)) > 1e10:
        raise ValueError(f"Among the columns {', '.join(names)} one is constant or follows from others; leave it out.")
    precision = np.linalg.inv(covariance).astype(np.float64)
    limit = float(np.quantile(_distances(values, mean, precision), level))
    return Density(names, mean, precision, limit, level)


def outside(
    data: pd.DataFrame, approved: Sequence[Condition] = (), envelope: Edges | None = None, density: Density | None = None,
    most: int = 10_000,
) -> DomainReport:  # fmt: skip
    """Rows that break an approved condition, leave the reference's range, or lie where it was thin.

    A missing value breaks a condition and says nothing to envelope and density. Rates are shares of
    rows with Wilson intervals; at most `most` rows are named, all are counted. Raises ValueError on
    absent columns and an empty batch.
    """
    if data.empty:
        raise ValueError("The batch holds no row; give one that does.")
    _need(data, [each.column for each in approved])
    _need(data, [each.name for each in envelope.columns] if envelope else [])
    _need(data, density.names if density else ())
    found: dict[str, list[tuple[str, NDArray[np.bool_], Any]]] = {layer: [] for layer in LAYERS}
    for condition in approved:
        found["condition"].append((condition.column, ~_holds(data, condition), _breach(condition)))
    for column in envelope.columns if envelope else ():
        found["envelope"].append((column.name, _leaves(data, column), _range(column)))
    if density:
        values = np.column_stack([_numbers(data, name) for name in density.names])
        far = _distances(values, density.mean, density.precision) > density.limit
        found["density"].append(
            (", ".join(density.names), far, f"the combination is rarer than {density.level:.0%} of the reference")
        )
    return _report(data, found, most)


def _holds(data: pd.DataFrame, condition: Condition) -> NDArray[np.bool_]:
    if isinstance(condition, OneOf):
        return np.asarray(data[condition.column].astype("string").isin(condition.values).fillna(False), dtype=bool)
    values = _numbers(data, condition.column)
    low = -np.inf if condition.low is None else condition.low
    high = np.inf if condition.high is None else condition.high
    return np.asarray((values >= low) & (values <= high))


def _leaves(data: pd.DataFrame, column: NumericColumn | CategoricalColumn) -> NDArray[np.bool_]:
    if isinstance(column, NumericColumn):
        values = _numbers(data, column.name)
        return np.asarray((values < column.low) | (values > column.upper[-1]))
    text = data[column.name].astype("string")
    return np.asarray(text.notna() & (text != "").fillna(False) & ~text.isin(column.values), dtype=bool)


def _breach(condition: Condition) -> str:
    if isinstance(condition, OneOf):
        return f"approved are {', '.join(condition.values)}"
    low, high = condition.low, condition.high
    if low is None or high is None:
        return f"approved is {'at most' if low is None else 'at least'} {high if low is None else low:g}"
    return f"approved is {low:g} to {high:g}"


def _range(column: NumericColumn | CategoricalColumn) -> str:
    if isinstance(column, NumericColumn):
        return f"the reference holds {column.low:g} to {column.upper[-1]:g}"
    return "the reference holds no such value"


def _report(
    data: pd.DataFrame, found: Mapping[str, Sequence[tuple[str, NDArray[np.bool_], Any]]], most: int
) -> DomainReport:
    rates, rows, total = {}, list[Outside](), 0
    for layer, checks in found.items():
        if not checks:
            continue
        bad = np.logical_or.reduce([flags for _, flags, _ in checks])
        rates[layer] = Estimate(
            float(bad.mean()), *wilson(int(bad.sum()), bad.size), "share of rows; Wilson interval", bad.size
        )
        for name, flags, said in checks:
            places = np.flatnonzero(flags)
            total += places.size
            rows += [_outside(data, int(place), layer, name, said) for place in places[: max(0, most - len(rows))]]
    return DomainReport(rates, tuple(rows), total)


def _outside(data: pd.DataFrame, place: int, layer: str, name: str, said: str) -> Outside:
    if layer == "density":
        return Outside(place + 1, layer, name, f"Of {name} {said}.")
    value = data[name].iloc[place]
    shown = "missing" if pd.isna(value) or value == "" else f"{value:g}" if isinstance(value, float) else str(value)
    return Outside(place + 1, layer, name, f"{name} is {shown}; {said}.")


def _numbers(data: pd.DataFrame, name: str) -> Scores:
    try:
        return np.asarray(pd.to_numeric(data[name]), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Column {name} holds {data[name].dtype}, not numbers; turn it into numbers.") from error


def _distances(values: Scores, mean: Scores, precision: Scores) -> Scores:
    """Squared Mahalanobis distances, shape (n,); NaN, which is beyond no limit, where a value is missing."""
    z = values - mean
    return np.asarray(np.einsum("ij,jk,ik->i", z, precision, z, optimize=True))


def _need(data: pd.DataFrame, wanted: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in data.columns]
    if missing:
        raise ValueError(f"The data have no column {', '.join(missing)}; the domain of use asks for it.")
