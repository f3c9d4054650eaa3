"""The results of a kind of run, measure by measure, problems first."""

from dataclasses import dataclass
from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries.sheet import SEVERITY, measure_rows

SHOWN = 5
DOMAIN = {"domain-of-use", "envelope"}
PROBLEMS = {"fail", "watch", "insufficient"}
WORDS = {
    "quality": ("Quality of the data", "whether the data are fit to be used"),
    "soundness": ("Soundness", "whether the model is built on firm ground"),
    "robustness": ("Robustness", "how the model answers to what it may meet"),
}


@dataclass(frozen=True)
class KindPanel:
    """One kind of run as a panel: the rows shown at once, and those that follow on request."""

    kind: str
    title: str
    note: str
    rows: list[dict[str, Any]]
    rest: list[dict[str, Any]]


def kind_panels(run: Run) -> list[KindPanel]:
    """A panel for each of these kinds that the run was asked for."""
    return [KindPanel(kind, *words, *divided(run, kind)) for kind, words in WORDS.items() if kind in run.kinds]


def domain_panel(run: Run) -> KindPanel:
    """Who is outside the domain of use, or beyond the training data."""
    rows = [row for row in measure_rows(run, "stability") if row["test"] in DOMAIN]
    return KindPanel(
        "domain", "Domain of use", "rows the model was not approved for, or has not seen the like of", rows, []
    )


def performance_panel(run: Run) -> KindPanel:
    """The performance: what is judged at once, what has no limit on request."""
    rows = measure_rows(run, "performance")
    judged = [row for row in rows if row["status"] in {*PROBLEMS, "pass"}] or rows[:SHOWN]
    note = "value, 95 % interval, limits"
    return KindPanel("performance", "Performance", note, judged, [row for row in rows if row not in judged])


def divided(run: Run, kind: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Of each measure the problems, or else its first row; and the rest. Measures with a problem come first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in measure_rows(run, kind):
        found.setdefault(row["measure"], []).append(row)
    shown, rest = list[dict[str, Any]](), list[dict[str, Any]]()
    for rows in sorted(found.values(), key=lambda rows: SEVERITY.index(rows[0]["status"])):
        count = max(1, min(SHOWN, sum(row["status"] in PROBLEMS for row in rows)))
        shown += rows[:count]
        rest += rows[count:]
    return shown, rest
