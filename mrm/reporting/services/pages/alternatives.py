"""A search for alternatives and the choice made of it, as reports print them."""

from typing import Any

from mrm.evaluation import queries as evaluation
from mrm.reporting.services.pages.evidence import as_judged


def search_page(search: dict[str, Any] | None) -> dict[str, Any]:
    """Every candidate, the proposed one on the rows that confirm it, and what people chose; the latest decision first."""
    if search is None:
        return {"search": None, "candidates": [], "confirmed": None, "chosen": None, "earlier_choices": []}
    results = as_judged({"results": search["results"], "thresholds": {}}).results
    tried = [_candidate(each) for each in results if each["measure"] == "alternative_lowest_air"]
    again = [_candidate(each) for each in results if each["measure"] == "alternative_confirmed_air"]
    chosen = next((each for each in search["choices"] if each["decided"]), None)
    return {
        "search": search,
        "candidates": tried,
        "confirmed": next(iter(again), None),
        "chosen": chosen,
        "earlier_choices": [each for each in search["choices"] if each is not chosen],
    }


def _candidate(result: dict[str, Any]) -> dict[str, Any]:
    """One candidate of the search, with its area under the curve and its lowest ratio."""
    detail = result["detail"]
    area = (detail["performance"] or {}).get("auc") or [None]
    return {
        "number": int(detail["candidate"]),
        "said": detail["said"],
        "kind": detail["kind"],
        "auc": evaluation.shown("auc", None if area[0] is None else float(area[0])),
        "lowest": evaluation.shown("auc", result["value"]),
        "between": evaluation.interval("auc", result),
        "group": detail["group_of_lowest"],
        "within": detail["within"],
        "proposed": detail["proposed"],
        "reason": result["reason"],
        "rules": detail["rules"],
        "rules_digest": detail["rules_digest"],
    }
