"""Fields of a JSON object, or the sentence that names the field and what it must be."""

import math
from collections.abc import Collection, Mapping
from typing import Any


class BadField(ValueError):
    """What stands in a field is not what belongs there; the sentence says what does."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def an_object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadField(f"{what} must be a JSON object.")
    return value


def a_list(source: Mapping[str, Any], field: str) -> list[Any]:
    """The list, empty when the field is absent."""
    value = source.get(field, [])
    if not isinstance(value, list):
        raise BadField(f"The field {field} must be a list.")
    return value


def text(source: Mapping[str, Any], field: str, default: str | None = None) -> str:
    value = source.get(field, default)
    if not isinstance(value, str) or (not value and default is None):
        raise BadField(f"The field {field} must be a text.")
    return value


def one_of(source: Mapping[str, Any], field: str, known: Collection[str], default: str | None = None) -> str:
    value = text(source, field, default)
    if value not in known:
        raise BadField(f"The field {field} must be one of {', '.join(known)}.")
    return value


def number(source: Mapping[str, Any], field: str, low: int, high: int, default: int | None = None) -> int:
    value = source.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadField(f"The field {field} must be a whole number from {low} to {high}.")
    return value


def bound(source: Mapping[str, Any], field: str) -> float | None:
    """A finite number, or none."""
    value = source.get(field)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise BadField(f"The field {field} must be a finite number.")
    return float(value)


def yes_or_no(source: Mapping[str, Any], field: str) -> bool:
    value = source.get(field, False)
    if not isinstance(value, bool):
        raise BadField(f"The field {field} must be true or false.")
    return value


def require_known(source: Mapping[str, Any], fields: Collection[str], what: str) -> None:
    """What would be ignored in silence is refused."""
    for name in source:
        if name not in fields:
            raise BadField(f"{what} has the unknown field {name}.")
