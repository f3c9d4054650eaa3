"""The results of a kind of run, test by test, problems first."""

from dataclasses import dataclass
from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries.sheet import SEVERITY, measure_rows
from mrm.measures.registry import TESTS

SHOWN = 5
WORDS = {
    "quality": ("Quality of the data", "whether the data are fit to be used"),
    "soundness": ("Soundness", "whether the model is built on firm ground"),
    "robustness": ("Robustness", "how the model answers to what it may meet"),
}


@dataclass(frozen=True)
class TestRows:
    """One test: its id and title, the rows shown, and those that follow on request."""

    id: str
    title: str
    rows: list[dict[str, Any]]
    rest: list[dict[str, Any]]


@dataclass(frozen=True)
class KindPanel:
    """One kind of run as a panel."""

    kind: str
    title: str
    note: str
    tests: list[TestRows]


def kind_panels(run: Run) -> list[KindPanel]:
    """A panel for each of these kinds that the run was asked for."""
    return [
        KindPanel(kind, title, note, tests_of(run, kind)) for kind, (title, note) in WORDS.items() if kind in run.kinds
    ]


def tests_of(run: Run, kind: str) -> list[TestRows]:
    """The results of a kind by test; a test with a problem comes before one without."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in measure_rows(run, kind):
        found.setdefault(row["test"], []).append(row)
    tests = [TestRows(name, TESTS[name].title, rows[:SHOWN], rows[SHOWN:]) for name, rows in found.items()]
    return sorted(tests, key=lambda each: SEVERITY.index(each.rows[0]["status"]))
