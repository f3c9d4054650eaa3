"""Every column of a batch, and its score, against the reference: judged results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mrm.measures.engine import ENGINE, Batch, Engine
from mrm.measures.judging import judged
from mrm.measures.results import Limits, Result
from mrm.measures.stability.counts import bin_names, summarise
from mrm.measures.stability.distance import jensen_shannon
from mrm.measures.stability.edges import Edges, freeze
from mrm.measures.stability.index import psi

MEASURES = ("psi", "jensen_shannon")


def stability(
    reference: Batch,
    current: Batch,
    columns: Sequence[str],
    thresholds: Mapping[str, Limits],
    *,
    engine: Engine = ENGINE,
) -> tuple[list[Result], Edges]:
    """PSI and Jensen-Shannon distance of every column, and the edges frozen on the reference.

    `detail["feature"]` names the column. A PSI beyond its limit that equal populations of these
    sizes reach in one of twenty comparisons is insufficient evidence, not a shift. Raises
    ValueError on columns that are absent, of another kind than in the reference, or without values.
    """
    edges = freeze(reference, columns, engine=engine)
    before, now = (summarise(each, edges, engine=engine) for each in (reference, current))
    out = []
    for column in edges.columns:
        name, names = column.name, bin_names(column)
        then, counted = before.counts[name], now.counts[name]
        index = psi(then, counted)
        bins = [[label, int(a), int(b)] for label, a, b in zip(names, then, counted, strict=True)]
        shift = judged(
            "psi", replace(index, detail={**index.detail, "feature": name, "bins": bins}), thresholds.get("psi")
        )
        out.append(_sized(shift))
        distance = jensen_shannon(then, counted)
        out.append(judged("jensen_shannon", replace(distance, detail={**distance.detail, "feature": name}),
                          thresholds.get("jensen_shannon")))  # fmt: skip
    return out, edges


def _sized(result: Result) -> Result:
    """The index beside what chance alone reaches with samples of these sizes."""
    chance = result.detail["critical_value"]
    reason = f"Equal populations of these sizes exceed {chance:.3g} in one of twenty comparisons."
    if result.status in ("watch", "fail") and result.value is not None and result.value <= chance:
        return replace(result, status="insufficient", reason=reason)
    return replace(result, reason=result.reason or reason)
