"""Results and figures as flat tables, for files and for the numbers below a chart."""

from typing import Any

from mrm.core.sheets import safe
from mrm.evaluation.models import Comparison, Run

_HEADER = (
    *("measure", "attribute", "group", "reference", "value", "lower", "upper", "n"),
    *("status", "limits", "reason", "method", "pack", "feature"),
)


def results_table(run: Run | Comparison) -> list[list[str]]:
    """Every result as a row of text under a header; text that a spreadsheet would run is escaped."""
    rows = [list(_HEADER)]
    for each in run.results:
        values = [each.get(name, "") for name in _HEADER]
        values[_HEADER.index("limits")] = each["threshold_text"]
        values[_HEADER.index("feature")] = each["detail"].get("feature", "")
        rows.append([safe(value) for value in values])
    return rows


def figure_of(run: Run | Comparison, name: str) -> dict[str, Any] | None:
    return next((figure for figure in run.figures if figure["name"] == name), None)


def figure_table(figure: dict[str, Any]) -> list[list[str]]:
    """The numbers drawn, as rows of text under their header."""
    return [[safe(value) for value in row] for row in (figure["header"], *figure["rows"])]


def results_document(run: Run) -> dict[str, Any]:
    """A run as one JSON document: what was computed, on what, and by which code."""
    return {
        "run": run.ref,
        "version": str(run.version),
        "artifact_sha256": run.artifact_sha256,
        "dataset": {"ref": run.dataset.ref, "sha256": run.dataset.sha256},
        "protected_sha256": run.protected.sha256 if run.protected else None,
        "suite": {"id": run.suite.key, "version": run.suite.version, "digest": run.suite.digest},
        "reasons": (
            {"id": run.reasons.key, "version": run.reasons.version, "digest": run.reasons.digest}
            if run.reasons
            else None
        ),
        "settings": run.settings,
        "pins": run.pins,
        "results": run.results,
        "crosscheck": run.crosscheck,
        "explanation": run.explanation,
        "digest": run.digest,
    }
