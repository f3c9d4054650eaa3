"""The domain of use as sentences that a machine can hold rows to: `state in CA, NV`, `amount from 0 to 50000`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_NUMBER = r"[-+]?\d+(?:\.\d+)?"
_AMONG = re.compile(r"^(?P<column>\S.*?)\s+in\s+(?P<values>\S.*)$")
_RANGE = re.compile(rf"^(?P<column>\S.*?)(?:\s+from\s+(?P<low>{_NUMBER}))?(?:\s+to\s+(?P<high>{_NUMBER}))?$")


@dataclass(frozen=True, slots=True)
class OneOf:
    """The column holds one of these values, as text."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The column lies between two numbers, both included; None leaves a side open."""

    column: str
    low: float | None
    high: float | None


Condition = OneOf | Between


def conditions(data: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """Conditions from data: `{"column": "state", "in": ["CA"]}` or `{"column": "amount", "from": 0, "to": 50000}`.

    Raises ValueError, naming the condition, on anything else.
    """
    return tuple(_condition(number, each) for number, each in enumerate(data, start=1))


def read(lines: Sequence[str]) -> tuple[Condition, ...]:
    """Conditions from sentences: a column, then `in` with values, or `from` and `to` with numbers.

    Raises ValueError, naming the sentence, on anything else.
    """
    return conditions([_parsed(number, line.strip()) for number, line in enumerate(lines, start=1)])


def _parsed(number: int, line: str) -> dict[str, Any]:
    if found := _AMONG.match(line):
        values = [value.strip() for value in found["values"].split(",")]
        if all(values):
            return {"column": found["column"], "in": values}
    elif (found := _RANGE.match(line)) and (found["low"] or found["high"]):
        bounds = {"from": found["low"], "to": found["high"]}
        return {"column": found["column"], **{name: float(value) for name, value in bounds.items() if value}}
    raise ValueError(
        f"Condition {number}, {line[:80]!r}, cannot be read; write it like: state in CA, NV or: amount from 0 to 50000."
    )


def _condition(number: int, data: Mapping[str, Any]) -> Condition:
    name = data.get("column")
    if not isinstance(name, str) or not name:
        raise ValueError(f"Condition {number} names no column; give it one.")
    if set(data) == {"column", "in"} and isinstance(data["in"], list | tuple) and data["in"]:
        return OneOf(name, tuple(str(value) for value in data["in"]))
    bounds = [data.get("from"), data.get("to")]
    if set(data) <= {"column", "from", "to"} and bounds != [None, None] and all(map(_bound, bounds)):
        low, high = (None if each is None else float(each) for each in bounds)
        if low is None or high is None or low <= high:
            return Between(name, low, high)
    raise ValueError(f'Condition {number} on {name} cannot be read; give "in" with values, or numbers "from" and "to".')


def _bound(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and math.isfinite(value))
