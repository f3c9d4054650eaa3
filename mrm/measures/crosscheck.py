"""The second opinion: the same rates from fairlearn, fed the compressed table with weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

import fairlearn.metrics
import numpy as np
import pandas as pd

from mrm.measures.groups import GroupCounts, by_group
from mrm.measures.results import EvaluationFailed
from mrm.measures.tables import UNKNOWN_OUTCOME, Summary

TOLERANCE = 1e-9

_RATES: dict[str, tuple[Callable[..., float], Callable[[GroupCounts], float | None]]] = {
    "selection_rate": (fairlearn.metrics.selection_rate, lambda g: g.selection_rate),
    "true_positive_rate": (fairlearn.metrics.true_positive_rate, lambda g: g.true_positive_rate),
    "false_positive_rate": (fairlearn.metrics.false_positive_rate, lambda g: g.false_positive_rate),
}


class Disagreement(EvaluationFailed):
    """Two implementations of one measure differ by more than rounding."""


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """Largest absolute difference over `compared` values, and the reference's version."""

    max_difference: float
    compared: int
    library: str
    version: str
    measures: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"measures": list(self.measures)}


def crosscheck(summary: Summary) -> CrossCheck:
    """Recompute every group's rates with fairlearn's MetricFrame and compare.

    Raises `Disagreement` beyond 1e-9. Rates whose denominator is empty, for which fairlearn gives
    0 and we give nothing, are not compared.
    """
    worst, compared = 0.0, 0
    for attribute in summary.spec.attributes:
        for name, ours, theirs in _pairs(summary, attribute):
            compared += 1
            worst = max(worst, abs(ours - theirs))
            if not abs(ours - theirs) <= TOLERANCE:
                raise Disagreement(f"{attribute}, {name}: {ours!r} here, {theirs!r} from fairlearn.")
    return CrossCheck(worst, compared, "fairlearn", version("fairlearn"), tuple(_RATES))


def _pairs(summary: Summary, attribute: str) -> list[tuple[str, float, float]]:
    table = _weighted_table(summary, attribute)
    ours = {each.group: each for each in by_group(summary, (attribute,)).known}
    out = []
    for name, (metric, rate) in _RATES.items():
        rows = table if name == "selection_rate" else table[table["label"] != UNKNOWN_OUTCOME]
        if rows.empty:
            continue
        frame = fairlearn.metrics.MetricFrame(
            metrics=metric,
            y_true=(rows["label"] == summary.spec.good_outcome).astype(int),
            y_pred=rows["favourable"],
            sensitive_features=rows["group"],
            sample_params={"sample_weight": rows["n"]},
        )
        for group, theirs in frame.by_group.items():
            value = rate(ours[str(group)])
            if value is not None:
                out.append((f"{name} of {group}", value, float(theirs)))
    return out


def _weighted_table(summary: Summary, attribute: str) -> pd.DataFrame:
    place = summary.spec.attributes.index(attribute)
    rows = [
        (groups[place], label, favourable, float(cell.n))
        for (groups, label, favourable), cell in summary.cells.items()
        if groups[place] is not None and cell.n
    ]
    table = pd.DataFrame(rows, columns=["group", "label", "favourable", "n"])
    return table.astype({"n": np.float64})
