"""What a backend's answer holds, read without trusting its shape; `who` names the backend in the refusal."""

from collections.abc import Mapping
from typing import Any

from .errors import Invalid


def part(found: Mapping[str, Any], field: str, who: str) -> Mapping[str, Any]:
    """An object inside an object; empty when it is absent, Invalid when it is something else."""
    value = found.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid(f"The answer of {who} has a {field} that is not understood.")
    return value


def things(found: Mapping[str, Any], field: str, who: str) -> list[dict[str, Any]]:
    """A list of objects; empty when it is absent, Invalid when it is something else."""
    value = found.get(field)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Invalid(f"The answer of {who} has {field} that are not understood.")
    return value


def text(found: Mapping[str, Any], field: str, who: str) -> str:
    """A text that must be there; Invalid when it is missing."""
    value = found.get(field)
    if not isinstance(value, str) or not value:
        raise Invalid(f"The answer of {who} has no {field}.")
    return value


def missing(wanted: Any, found: Any, path: str = "") -> str:
    """The first field that was written and does not read back; what a backend fills in does not count."""
    if isinstance(wanted, dict):
        inner = found if isinstance(found, dict) else {}
        below = (missing(v, inner.get(k), f"{path}.{k}" if path else str(k)) for k, v in wanted.items())
        return next((name for name in below if name), "")
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return path
        below = (missing(a, b, f"{path}[]") for a, b in zip(wanted, found, strict=True))
        return next((name for name in below if name), "")
    return "" if wanted == found and isinstance(wanted, bool) == isinstance(found, bool) else path
