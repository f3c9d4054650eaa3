"""Tables of a printed report: what was drawn, and results of chosen measures, with the same decimals per column."""

from collections.abc import Iterable
from typing import Any

from mrm.evaluation import queries as evaluation

MOST_ROWS = 120
# columns of the figures' tables that hold numbers; others hold names, which may look like numbers
_RATES = {
    "Rate",
    "Share of rows",
    "Share of group",
    "Approval rate",
    "Predicted",
    "Observed",
    "Bad favoured",
    "Good favoured",
}
_COUNTS = {"n", "People", "Favourable", "n of reference", "Bin"}
_VALUES = {
    "Ratio",
    "Lower",
    "Upper",
    "Adjusted p",
    "AUC",
    "From",
    "To",
    "Density",
    "Lower control",
    "Upper control",
    "PSI",
}


def figure_table(figure: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a figure as text; a long table stands in the attachment as a whole."""
    shown = figure["rows"] if len(figure["rows"]) <= MOST_ROWS else []
    rows = [[_text(name, value) for name, value in zip(figure["header"], row, strict=True)] for row in shown]
    return {
        "title": figure["title"],
        "name": figure["name"],
        "head": [(name, name in _RATES | _COUNTS | _VALUES) for name in figure["header"]],
        "rows": rows,
        "left": len(figure["rows"]) - len(rows),
    }


def result_rows(results: Iterable[dict[str, Any]], *measures: str, crossed: bool = False) -> list[dict[str, Any]]:
    """Results of the measures, of single attributes or of pairs, as rows of text in their order."""
    return [
        _row(each)
        for each in results
        if each["measure"] in measures and (evaluation.CROSS in each["attribute"]) == crossed
    ]


def matrix(results: Iterable[dict[str, Any]], *measures: str) -> dict[str, Any] | None:
    """Groups against measures, of single attributes; a group that is withheld says so once. None without any."""
    places: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for each in results:
        if each["measure"] in measures and each["group"] and evaluation.CROSS not in each["attribute"]:
            places.setdefault((each["attribute"], each["group"]), {})[each["measure"]] = each
    held = [measure for measure in measures if any(measure in found for found in places.values())]
    if not held:
        return None
    rows = [_matrix_row(attribute, group, found, held) for (attribute, group), found in places.items()]
    return {"head": [evaluation.TITLES.get(measure, measure) for measure in held], "rows": rows}


def _matrix_row(attribute: str, group: str, found: dict[str, dict[str, Any]], held: list[str]) -> dict[str, Any]:
    hidden = next((each["reason"] for each in found.values() if each["detail"].get("suppressed")), "")
    return {
        "attribute": attribute,
        "group": group,
        "reference": next((each["reference"] for each in found.values() if each["reference"] != group), ""),
        "withheld": hidden,
        "cells": [_cell(found.get(measure)) for measure in held],
    }


def _cell(result: dict[str, Any] | None) -> dict[str, str]:
    if result is None:
        return {"shown": "–", "below": "", "status": ""}
    measure, few = result["measure"], result["status"] == "insufficient"
    below = result["reason"].rstrip(".") if few else evaluation.interval(measure, result)
    return {"shown": evaluation.shown(measure, result["value"]), "below": below, "status": result["status"]}


def p_value(value: Any) -> str:
    """A p-value as text."""
    if value is None:
        return "not tested"
    return "< 0.001" if float(value) < 0.001 else f"{float(value):.3f}"


def _row(result: dict[str, Any]) -> dict[str, Any]:
    measure, detail = result["measure"], result["detail"]
    withheld = bool(detail.get("suppressed"))
    return {
        **result,
        "title": evaluation.TITLES.get(measure, measure),
        "shown": evaluation.shown(measure, result["value"]),
        "between": evaluation.interval(measure, result),
        "p": p_value(detail.get("p_adjusted")),
        "withheld": withheld,
    }


def _text(name: str, value: Any) -> tuple[str, bool]:
    if value is None:
        return "–", True
    if name in _COUNTS:
        return f"{float(value):,.0f}", True
    if name in _RATES:
        return evaluation.shown("selection_rate", float(value)), True
    if name in _VALUES:
        return evaluation.shown("number", float(value)), True
    return str(value), False
