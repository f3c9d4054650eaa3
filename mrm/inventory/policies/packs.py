"""Whether the content of a pack could be used, beyond what its schema says."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mrm.measures.explanation.dictionary import dictionary_of


def why_not_pack(kind: str, content: Mapping[str, Any]) -> str | None:
    """A pack that its schema takes can still say nothing, as a reason that is no specific one."""
    check = _CHECKS.get(kind)
    return check(content) if check else None


def why_not_reasons(content: Mapping[str, Any], features: Sequence[str]) -> str | None:
    """A dictionary fits a version of which it leaves no feature without words."""
    return dictionary_of(content).why_not(features) or None


def _dictionary(content: Mapping[str, Any]) -> str | None:
    try:
        dictionary_of(content)
    except ValueError as fault:
        return str(fault)
    return None


_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {"reason_codes": _dictionary}
