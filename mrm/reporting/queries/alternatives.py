"""The search for a less discriminatory alternative as reports tell it: who searched, what was found, who chose and why."""

from typing import Any

from mrm.evaluation import queries as evaluation
from mrm.evaluation.models import Run
from mrm.inventory.models import Version


def search_of(run: Run) -> dict[str, Any] | None:
    """The search of a run, or else the latest on exactly the bytes that its version has now."""
    if "alternatives" in run.kinds:
        return _facts(run)
    return search_on(run.version)


def search_on(version: Version) -> dict[str, Any] | None:
    """The latest search on exactly the bytes that a version has now."""
    found = evaluation.completed(version, "alternatives")
    return _facts(found) if found else None


def _facts(run: Run) -> dict[str, Any]:
    return {
        "ref": run.ref,
        "by": run.requested_by.name,
        "at": run.finished_at,
        "results": [each for each in run.results if each["measure"].startswith("alternative_")],
        "choices": evaluation.choice_facts(run),
    }
