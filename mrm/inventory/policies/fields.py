"""Which fields of a field pack a record still owes, and when."""

from collections.abc import Mapping
from typing import Any

ORDER = ("registration", "approval", "production")


def missing_fields(
    pack: Mapping[str, Any], facts: Mapping[str, Any], stage: str, *, negligible: bool = False
) -> list[str]:
    """Labels of the fields due at or before the stage that are empty. `facts` maps field keys to values."""
    due = ORDER[: ORDER.index(stage) + 1]
    return [
        field["label"]
        for field in pack["fields"]
        if field["required_at"] in due
        and _applies(field, negligible)
        and field["key"] in facts
        and _empty(facts[field["key"]])
    ]


def _applies(field: Mapping[str, Any], negligible: bool) -> bool:
    if field["applies_to"] == "tier":
        return negligible
    return field["applies_to"] == "all" or not negligible


def _empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
