"""An explanation as judged results: does it add up, does it stand, does it agree, what does it say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mrm.measures.estimates import Estimate
from mrm.measures.explanation.attributions import Explanation, Importance
from mrm.measures.explanation.validity import rank_agreement, same_leaders
from mrm.measures.judging import judged, withheld
from mrm.measures.results import Limits, Result, judge

CHECKS = ("explanation_stability", "explanation_agreement", "surrogate_fidelity")
MEASURES = ("additivity", "importance", *CHECKS)


@dataclass(frozen=True, slots=True)
class Doubt:
    """What an explanation is held against: some of its rows explained against another draw of the background,
    the importance of each feature by permutation, and how much of the output a linear model tells."""

    again: Explanation
    importance: tuple[float, ...]
    surrogate: Estimate | None


def assessed(
    found: Explanation, ranked: list[Importance], doubt: Doubt, thresholds: Mapping[str, Limits]
) -> list[Result]:
    """Additivity, the three checks of `doubt`, and every feature's importance."""
    held = _held_against(found, doubt)
    return [
        _additivity(found, thresholds.get("additivity")),
        *(_checked(name, held[name], found.n_rows, thresholds.get(name)) for name in CHECKS),
        *(_importance(each, found) for each in ranked),
    ]


def unexplained(sentence: str, thresholds: Mapping[str, Limits]) -> Result:
    """A failed explanation is no evidence, never a pass."""
    return withheld("additivity", "insufficient", sentence, 0, thresholds.get("additivity"))


def _held_against(found: Explanation, doubt: Doubt) -> dict[str, Estimate | str]:
    """Each check's estimate, or the sentence why it has none."""
    places = {row: i for i, row in enumerate(found.rows)}
    chosen = [places[row] for row in doubt.again.rows]
    same = replace(found, values=found.values[chosen], data=found.data[chosen], n_rows=len(chosen))
    try:
        agreement: Estimate | str = rank_agreement(list(np.abs(found.values).mean(axis=0)), list(doubt.importance))
    except ValueError as error:
        agreement = str(error)
    return {
        "explanation_stability": same_leaders(same, doubt.again),
        "explanation_agreement": agreement,
        "surrogate_fidelity": doubt.surrogate or "Too few rows, or equal outputs, for a linear model of them.",
    }


def _checked(name: str, estimate: Estimate | str, n: int, limits: Limits | None) -> Result:
    if isinstance(estimate, str):
        return withheld(name, "insufficient", estimate, n, limits)
    return judged(name, estimate, limits)


def _additivity(found: Explanation, limits: Limits | None) -> Result:
    """Largest miss of the contributions' sum over the scale of the outputs, at least 1."""
    scale = max(1.0, float(np.abs(found.values.sum(axis=1) + found.base).max()))
    value = found.additivity_max / scale
    said = judge(value, limits)
    method = f"largest absolute error over scale, {found.n_rows} rows, {found.method}"
    reason = found.notes or said.reason
    return Result("additivity", value, None, None, found.n_rows, method, said.text, said.status, reason, pack=said.pack)


def _importance(each: Importance, found: Explanation) -> Result:
    method = f"mean absolute contribution, {found.method}; percentile bootstrap over rows"
    detail = {"feature": each.feature, "share": each.share, "unit": found.output}
    return Result("importance", each.value, each.lower, each.upper, found.n_rows, method, detail=detail)
