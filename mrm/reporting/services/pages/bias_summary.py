"""The public summary of New York City's bias audit, on two pages."""

from typing import Any

from mrm.evaluation import queries as evaluation


def context(content: dict[str, Any]) -> dict[str, Any]:
    """What the template says beyond the cover."""
    attributes = [
        {**attribute, "rows": [_row(each) for each in attribute["categories"]]} for attribute in content["attributes"]
    ]
    return {
        "subject": f"{content['tool']['name']} {content['tool']['version']}",
        "attributes": attributes,
        "excluded": [row for attribute in attributes for row in attribute["rows"] if row["excluded"]],
        "cutoff": evaluation.decimal(content["selected"]["cutoff"]),
        "share": f"{100 * float(content['least_share']):.0f} %",
    }


def _row(category: dict[str, Any]) -> dict[str, Any]:
    return {
        **category,
        "rate": _rate(category["selection_rate"]),
        "ratio": _ratio(category["selection_ratio"]),
        "scoring": _rate(category["scoring_rate"]),
        "score_ratio": _ratio(category["scoring_ratio"]),
    }


def _rate(value: Any) -> str:
    return evaluation.shown("selection_rate", None if value is None else float(value))


def _ratio(value: Any) -> str:
    return evaluation.shown("air", None if value is None else float(value))
