"""Rows outside the domain of use: conditions that were approved, the training data's range, and where they were thin."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mrm.measures.estimates import Estimate
from mrm.measures.evaluation.attempts import attempt, sampled
from mrm.measures.evaluation.spec import RunSpec
from mrm.measures.results import EvaluationFailed, Result
from mrm.measures.stability.conditions import Condition, read
from mrm.measures.stability.domain import DomainReport, fit_density, outside
from mrm.measures.stability.edges import freeze

MOST = 200_000  # rows of either batch that are looked at for envelope and density
NAMED = 20  # rows whose reason is kept
NO_DOMAIN = "The version declares no domain of use; write its conditions into the draft, such as: state in CA, NV."


def measures(spec: RunSpec) -> tuple[list[Result], dict[str, str]]:
    """Results, and for a test that could not be done the reason. Raises `EvaluationFailed` on conditions nobody can read."""
    asked = {*spec.asked("stability")} & {"domain-of-use", "envelope"}
    n, out, undone = pq.ParquetFile(spec.dataset).metadata.num_rows, list[Result](), dict[str, str]()
    if "domain-of-use" in asked:
        if spec.domain:
            approved = _read(spec)
            out.append(attempt(spec, "outside_conditions", n, lambda: _broken(spec, approved)))
        else:
            undone["domain-of-use"] = NO_DOMAIN
    if "envelope" in asked:
        out.append(attempt(spec, "outside_envelope", n, lambda: _beyond(spec)))
        out.append(attempt(spec, "outside_density", n, lambda: _rare(spec)))
    return out, undone


def _read(spec: RunSpec) -> tuple[Condition, ...]:
    try:
        return read(spec.domain)
    except ValueError as error:
        raise EvaluationFailed(f"The domain of use: {error}") from error


def _broken(spec: RunSpec, approved: tuple[Condition, ...]) -> Estimate:
    """Every row counts here: one applicant outside is one too many."""
    held = set(pq.read_schema(spec.dataset).names)
    columns = [name for name in dict.fromkeys(each.column for each in approved) if name in held]
    frame = pq.read_table(spec.dataset, columns=columns).to_pandas()
    return _named(outside(frame, approved, most=NAMED), "condition", np.arange(len(frame)))


def _beyond(spec: RunSpec) -> Estimate:
    assert spec.reference is not None
    envelope = freeze(spec.reference, spec.features, engine=spec.engine)
    frame, places = _batch(spec, spec.dataset)
    return _named(outside(frame, envelope=envelope, most=NAMED), "envelope", places)


def _rare(spec: RunSpec) -> Estimate:
    assert spec.reference is not None
    before, _ = _batch(spec, spec.reference)
    numbers = before[[name for name in before.columns if before[name].dtype.kind in "fiu"]].dropna()
    density = fit_density({str(n): numbers[n].to_numpy() for n in numbers if numbers[n].nunique() > 1})
    frame, places = _batch(spec, spec.dataset)
    return _named(outside(frame, density=density, most=NAMED), "density", places)


def _batch(spec: RunSpec, file: Path) -> tuple[pd.DataFrame, NDArray[np.intp]]:
    """The features of a file's rows, or of a sample where there are many, and the place of each in the file."""
    table = pq.read_table(file, columns=list(spec.features))
    places = sampled(spec, "domain", np.arange(table.num_rows), MOST)
    return table.take(places).to_pandas(), places


def _named(report: DomainReport, layer: str, places: NDArray[np.intp]) -> Estimate:
    """The share of rows outside, with the first of them and the reason of each."""
    named = [(int(places[each.row - 1]) + 1, each.reason) for each in report.rows]
    said = f"Row {named[0][0]:,}: {named[0][1]}" if named else ""
    return replace(report.rates[layer], reason=said, detail={"rows": named})
