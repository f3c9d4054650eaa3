"""Results against the limits of a threshold pack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mrm.measures.results import Limits, Result, judge

Thresholds = Mapping[str, Limits]


def judged(result: Result, thresholds: Thresholds | None) -> Result:
    """The result with the status that its measure's limits give; one without evidence keeps its own."""
    limits = (thresholds or {}).get(result.measure)
    if limits is None:
        return result
    p = result.detail.get("p_adjusted")
    said = judge(result.value, limits, lower=result.lower, upper=result.upper, p_adjusted=p)
    named = replace(result, threshold_text=said.text, pack=said.pack)
    if result.status != "info" or result.detail.get("is_reference") or result.value is None:
        return named
    return replace(named, status=said.status, reason=said.reason or named.reason)
