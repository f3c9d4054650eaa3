"""A batch against the data a model was made on: frozen, counted, judged, and held against chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mrm.measures.engine import ENGINE, Batch, Engine
from mrm.measures.results import Limits, Result
from mrm.measures.stability.counts import summarise
from mrm.measures.stability.drift import drift
from mrm.measures.stability.edges import freeze


def stability(
    reference: Batch, current: Batch, columns: Sequence[str], thresholds: Mapping[str, Limits], *, seed: int = 0,
    engine: Engine = ENGINE,
) -> list[Result]:  # fmt: skip
    """All stability measures of every column, `group` naming it, with edges frozen on the reference.

    A PSI beyond its limit that equal populations of these sizes exceed in one of twenty comparisons
    is insufficient evidence, not a shift. Raises ValueError on columns that are absent, of another
    kind than in the reference, or without values.
    """
    edges = freeze(reference, columns, engine=engine)
    before, now = (summarise(each, edges, engine=engine) for each in (reference, current))
    return [_sized(each) for each in drift(before, now, edges, thresholds, seed=seed)]


def _sized(result: Result) -> Result:
    """The index beside what chance alone reaches with samples of these sizes."""
    chance = result.detail.get("critical_value")
    if result.measure != "psi" or chance is None or result.status not in ("watch", "fail"):
        return result
    if result.value is not None and result.value > chance:
        return result
    reason = f"Equal populations of these sizes exceed {chance:.3g} in one of twenty comparisons."
    return replace(result, status="insufficient", reason=reason)
