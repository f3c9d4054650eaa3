"""What the public summary of New York City's bias audit says (6 RCNY 5-302 to 5-304): rates and ratios, and no name of a person.

Selection or scoring rates and impact ratios by sex, by race and ethnicity and by both together,
with the number of people who are in none because their group is not known.
"""

from typing import Any

from mrm.core.canonical import plain
from mrm.evaluation.models import Run
from mrm.reporting.queries.files import file, table

SCHEMA = "bias_summary/1"
_HEADER = (
    "attribute",
    "category",
    "people",
    "selected",
    "selection_rate",
    "selection_ratio",
    "scoring_rate",
    "scoring_ratio",
    "excluded",
)


def bias_summary(run: Run) -> dict[str, Any]:
    """Only what the rule asks to be public: no person, no unit, no path, no finding."""
    results = {(each["attribute"], each["group"], each["measure"]): each for each in run.results if each["attribute"]}
    rates = [each for each in run.results if each["measure"] == "selection_rate"]
    names = list(dict.fromkeys(each["attribute"] for each in rates))
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": run.version.model.name, "version": run.version.label},
        "distribution_date": run.version.model.production_date,
        "audit_date": run.finished_at.date() if run.finished_at else None,
        "data": {
            "name": run.dataset.name,
            "source": run.dataset.source,
            "rows": run.dataset.rows,
            "sha256": run.dataset.sha256,
            "period": run.settings.get("period") or "",
        },
        "protected_source": run.protected.source if run.protected else "",
        "selected": {"favourable": run.settings["favourable"], "cutoff": run.settings["cutoff"]},
        "rule": run.suite.content["sources"][0],
        "least_share": run.suite.content["groups"].get("exclude_share", 0.02),
        "attributes": [_attribute(name, rates, results) for name in names],
        "run_digest": run.digest,
    }
    found: dict[str, Any] = plain(content)
    return found


def files(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The table of the summary as CSV."""
    rows = [
        [attribute["name"], *(each[name] for name in _HEADER[1:])]
        for attribute in content["attributes"]
        for each in attribute["categories"]
    ]
    return [file("summary.csv", table([_HEADER, *rows]), "Every rate and impact ratio of the summary", "Data")]


def _attribute(name: str, rates: list[dict[str, Any]], results: dict[Any, Any]) -> dict[str, Any]:
    own = [each for each in rates if each["attribute"] == name]
    unknown = next((each["n"] for each in own if "share" not in each["detail"]), 0)
    known = [each for each in own if "share" in each["detail"]]
    return {"name": name, "unknown": unknown, "categories": [_category(each, results) for each in known]}


def _category(rate: dict[str, Any], results: dict[Any, Any]) -> dict[str, Any]:
    place = (rate["attribute"], rate["group"])
    ratio, scoring, scoring_ratio = (
        results.get((*place, name)) for name in ("air", "scoring_rate", "scoring_rate_ratio")
    )
    left_out = ratio["reason"] if ratio and ratio["status"] == "not_applicable" else ""
    best = bool(rate["detail"].get("is_reference"))
    return {
        "category": rate["group"],
        "people": rate["n"],
        "selected": rate["detail"].get("favourable"),
        "selection_rate": rate["value"],
        "selection_ratio": 1.0 if best else ratio["value"] if ratio else None,
        "scoring_rate": scoring["value"] if scoring else None,
        "scoring_ratio": None if left_out else scoring_ratio["value"] if scoring_ratio else 1.0 if scoring else None,
        "excluded": left_out,
    }
