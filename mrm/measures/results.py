"""One number with everything needed to trust it, and the limits it is judged against."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

STATUSES = ("pass", "watch", "fail", "insufficient", "not_applicable", "info")
DIRECTIONS = ("higher", "lower", "absolute", "band")

Limits = Mapping[str, Any]
_MEASURED = ("value", "lower", "upper", "n", "detail")
_PLAIN = frozenset({str, int, bool, type(None)})


class EvaluationFailed(Exception):
    """An evaluation that came to no result; says why in a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured value with its interval, method and status.

    `value`, `lower` and `upper` are in the measure's own unit (rates between 0 and 1, standardised
    differences times 100, shortfalls in people); None where the value is withheld or undefined.
    `n` is the number of rows behind the value, None where a count may not be shown. Every field is
    plain JSON: numbers that are not finite become None.
    """

    measure: str
    value: float | None
    lower: float | None
    upper: float | None
    n: int | None
    method: str
    threshold_text: str = ""
    status: str = "info"
    reason: str = ""
    attribute: str = ""
    group: str = ""
    reference: str = ""
    pack: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is not a status; one of {', '.join(STATUSES)}.")
        for name in _MEASURED:
            given = getattr(self, name)
            if type(given) not in _PLAIN:
                object.__setattr__(self, name, plain(given))

    def with_detail(self, **more: Any) -> Result:
        """The same result with more in its detail."""
        same = copy.copy(self)
        object.__setattr__(same, "detail", {**self.detail, **plain(more)})
        return same

    def as_dict(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the limits say about a value: status, the limits in words, and why if not obvious."""

    status: str
    text: str = ""
    reason: str = ""
    pack: str = ""


def plain(value: Any) -> Any:
    """`value` as JSON: NumPy scalars and arrays unwrapped, NaN and infinity as None."""
    kind = type(value)  # the usual kinds first: a result holds some hundred values
    if kind in _PLAIN:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is dict:
        return {str(key): item if type(item) in _PLAIN else plain(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) in _PLAIN else plain(item) for item in value]
    if isinstance(value, str | int):
        return value
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def judge(
    value: float | None,
    limits: Limits | None,
    *,
    lower: float | None = None,
    upper: float | None = None,
    p_adjusted: float | None = None,
) -> Judgement:
    """Apply `limits` to `value`.

    `limits` is data from a threshold pack:

    - `direction`: "higher" is better, "lower" is better, "absolute" (nearer to zero is better), or
      "band" (inside is better; `watch` and `fail` are then pairs);
    - `watch`, `fail`: a value beyond them, not on them, gets that status; either may be absent;
    - `interval`: if true, a passing value whose interval reaches beyond `fail` is watched;
    - `significance`: if given, a fail whose adjusted p-value is not below it is watched;
    - `text`, `source`, `pack`: the limits in words, where they come from, the pack's name.

    Without limits the status is info; without a value it is insufficient. Raises ValueError on
    limits that cannot be read.
    """
    if not limits:
        return Judgement("info")
    check_limits(limits)
    text, pack = str(limits.get("text", "")), str(limits.get("pack", ""))
    if value is None or not math.isfinite(value):
        return Judgement("insufficient", text, "There is no value to judge.", pack)
    status, reason = _status(value, limits), ""
    alpha = limits.get("significance")
    if status == "fail" and alpha is not None and (p_adjusted is None or p_adjusted >= alpha):
        status, reason = "watch", f"Beyond the limit, but not significant at {alpha:.0%}."
    bounds = [bound for bound in (lower, upper) if bound is not None]
    watched = status == "pass" and limits.get("interval") and "fail" in limits
    if watched and any(_beyond(bound, limits["fail"], limits["direction"]) for bound in bounds):
        status, reason = "watch", "The interval reaches beyond the fail limit."
    return Judgement(status, text, reason, pack)


def check_limits(limits: Limits) -> None:
    """Raise ValueError, with a sentence, unless `limits` can be applied."""
    direction = limits.get("direction")
    if direction not in DIRECTIONS:
        raise ValueError(f"Limits need a direction, one of {', '.join(DIRECTIONS)}.")
    for name in ("watch", "fail"):
        if name in limits and (direction == "band") != isinstance(limits[name], list | tuple):
            raise ValueError(f"The {name} limit does not fit the direction {direction!r}.")
    if "watch" not in limits and "fail" not in limits:
        raise ValueError("Limits need a watch or a fail value.")


def _status(value: float, limits: Limits) -> str:
    for status in ("fail", "watch"):
        if status in limits and _beyond(value, limits[status], limits["direction"]):
            return status
    return "pass"


def _beyond(value: float, limit: Any, direction: str) -> bool:
    if direction == "band":
        low, high = limit
        return bool(value < low or value > high)
    if direction == "absolute":
        return bool(abs(value) > limit)
    return bool(value < limit) if direction == "higher" else bool(value > limit)
