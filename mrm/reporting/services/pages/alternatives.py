"""A search for alternatives and the choice made of it, as reports print them."""

from typing import Any

from mrm.evaluation import queries as evaluation
from mrm.reporting.services.pages.evidence import as_judged


def search_page(search: dict[str, Any] | None) -> dict[str, Any]:
    """Every candidate, the proposed one on the rows that confirm it, and what people chose; the latest decision first."""
    if search is None:
        return {"search": None, "candidates": [], "confirmed": None, "chosen": None, "earlier_choices": []}
    results = as_judged({"results": search["results"], "thresholds": {}}).results
    again = [evaluation.candidate(each) for each in results if each["measure"] == "alternative_confirmed_air"]
    chosen = next((each for each in search["choices"] if each["decided"]), None)
    return {
        "search": search,
        "candidates": evaluation.candidates(results),
        "confirmed": next(iter(again), None),
        "chosen": chosen,
        "earlier_choices": [each for each in search["choices"] if each is not chosen],
    }
