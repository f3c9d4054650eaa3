"""What a search for less discriminatory alternatives tried, as pages and prints show it."""

from collections.abc import Sequence
from typing import Any

from mrm.evaluation.queries.numbers import interval, shown


def candidates(results: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every candidate that was tried: the proposed one, then in the order of trying."""
    found = [candidate(each) for each in results if each["measure"] == "alternative_lowest_air"]
    return sorted(found, key=lambda each: not each["proposed"])


def candidate(result: dict[str, Any]) -> dict[str, Any]:
    """One candidate of the search, with its area under the curve and its lowest ratio."""
    detail = result["detail"]
    area = (detail["performance"] or {}).get("auc") or [None]
    return {
        "number": int(detail["candidate"]),
        "said": detail["said"],
        "kind": detail["kind"],
        "auc": shown("auc", None if area[0] is None else float(area[0])),
        "lowest": shown("auc", result["value"]),
        "between": interval("auc", result),
        "group": detail["group_of_lowest"],
        "within": detail["within"],
        "proposed": detail["proposed"],
        "reason": result["reason"],
        "rules": detail["rules"],
        "rules_digest": detail["rules_digest"],
    }
