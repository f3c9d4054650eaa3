"""A run as a report prints it: numbers back as numbers, tables, and drawings inside the page."""

from types import SimpleNamespace
from typing import Any

from mrm.core import blobs
from mrm.evaluation import queries as evaluation
from mrm.reporting.services.pages.outlines import outlined
from mrm.reporting.services.pages.words import image

FURTHER = {
    "stability": "Stability against the training data",
    "quality": "Quality of the data",
    "soundness": "Soundness",
    "robustness": "Robustness",
}
JUDGED = ("pass", "watch", "fail", "insufficient")


def run_page(run: dict[str, Any]) -> dict[str, Any]:
    """A run with its numbers back as numbers, its tables, and its drawings inside the page."""
    judged = as_judged(run)
    sheet = evaluation.bias_sheet(judged) if any(each["attribute"] for each in judged.results) else None
    return {
        **run,
        "cutoff": evaluation.decimal(run["settings"]["cutoff"]),
        "scored_through": evaluation.scored_through(run["pins"]),
        "sheet": sheet,
        "bias_rows": _bias_rows(judged) if sheet else [],
        "performance_rows": evaluation.measure_rows(judged, "performance"),
        "rows_of": {kind: evaluation.divided(judged, kind)[0] for kind in run["kinds"] if kind in FURTHER},
        "explaining_rows": evaluation.measure_rows(judged, "explainability"),
        "importance": [_importance(each) for each in judged.results if each["measure"] == "importance"],
        "drawn": {
            figure["name"]: {**figure, "image": image(outlined(blobs.read(figure["sha256"])))}
            for figure in run["figures"]
        },
        "judged": sum(run["counts"].get(status, 0) for status in JUDGED),
    }


def as_judged(run: dict[str, Any]) -> Any:
    results = [{**each, **{name: _number(each[name]) for name in ("value", "lower", "upper")}, "detail": _numbers(each["detail"])}
               for each in run["results"]]  # fmt: skip
    thresholds = {
        name: {key: _number(value) for key, value in limits.items()} for name, limits in run["thresholds"].items()
    }
    return SimpleNamespace(results=results, suite=SimpleNamespace(content={"thresholds": thresholds}))


def _number(value: Any) -> Any:
    """Decimals travel as text in the content; here they are numbers again, other text stays."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _numbers(detail: dict[str, Any]) -> dict[str, Any]:
    return {key: _number(value) for key, value in detail.items() if key != "feature"} | {
        key: value for key, value in detail.items() if key == "feature"
    }


def _bias_rows(judged: Any) -> list[dict[str, Any]]:
    """Every group with counts, rate, ratio, shortfall and test, by attribute."""
    places = {(each["attribute"], each["group"], each["measure"]): each for each in judged.results}
    rows = []
    sheet = evaluation.bias_sheet(judged)
    for attribute in sheet.attributes if sheet else ():
        groups = [_bias_row(attribute.name, group, places) for group in attribute.rows]
        rows.append({"name": attribute.name, "note": attribute.note, "groups": groups})
    return rows


def _bias_row(attribute: str, group: Any, places: dict[Any, Any]) -> dict[str, Any]:
    if group.withheld:
        return {"group": group.group, "withheld": group.withheld}
    rate, ratio = (places[(attribute, group.group, measure)] for measure in ("selection_rate", "air"))
    short = places.get((attribute, group.group, "shortfall"))
    p = ratio["detail"].get("p_adjusted")
    return {
        "group": group.group,
        "n": group.n,
        "favourable": int(rate["detail"]["favourable"]),
        "rate": group.rate,
        "rate_interval": evaluation.interval("selection_rate", rate),
        "ratio": evaluation.shown("auc", ratio["value"]),
        "ratio_interval": evaluation.interval("auc", ratio),
        "shortfall": max(0, round(short["value"])) if short and short["value"] is not None else "–",
        "p": "not tested" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}",
        "status": ratio["status"],
        "reason": ratio["reason"],
    }


def _importance(result: dict[str, Any]) -> dict[str, Any]:
    return {
        "feature": result["detail"]["feature"],
        "value": evaluation.shown("importance", result["value"]),
        "interval": evaluation.interval("importance", result),
        "share": evaluation.shown("accuracy", result["detail"]["share"]),
    }
