"""What an explainability report says: one run, the model it explains, and the dictionary of its reasons."""

from typing import Any

from mrm.core.canonical import plain
from mrm.evaluation.models import Run
from mrm.reporting.queries.evidence import evaluation_facts
from mrm.reporting.queries.files import figure_files, file, results_file, table
from mrm.reporting.queries.record import artifact, datasets, version_facts
from mrm.validation.models import Validation

SCHEMA = "explainability/1"
PARTS = ("importance", "contribution_spread", "dependence", "interactions", "gap_", "case_", "reason_")


def explainability(run: Run) -> dict[str, Any]:
    """Everything the report rests on; of the run's figures those of the explanation."""
    facts = evaluation_facts(run)
    facts["figures"] = [figure for figure in facts["figures"] if figure["name"].startswith(PARTS)]
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "version": version_facts(run.version),
        "need": run.version.model.get_explainability_need_display(),
        "artifact": artifact(run.version),
        "datasets": datasets(run.version),
        "evaluation": facts,
        "reference": None if run.reference is None else {"ref": run.reference.ref, "name": run.reference.name},
        "dictionary": _dictionary(run),
        "validations": _validations(run),
    }
    found: dict[str, Any] = plain(content)
    return found


def files(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Every result, and every figure with its numbers."""
    run = content["evaluation"]
    numbers = [
        file(f"{run['ref']}-{each['name']}.csv", table([each["header"], *each["rows"]]), f"{each['title']}: the numbers", "Data")
        for each in run["figures"]
    ]  # fmt: skip
    return [results_file([run]), *numbers, *figure_files([run])]


def _validations(run: Run) -> list[dict[str, Any]]:
    """The validations that name this run as evidence, and what they came to."""
    found = Validation.objects.filter(evidence__run=run).select_related("validator").distinct().order_by("number")
    return [
        {
            "ref": each.ref,
            "validator": each.validator.name if each.validator else "",
            "outcome": each.get_outcome_display() if each.outcome else "",
            "concluded_at": each.concluded_at,
        }
        for each in found
    ]


def _dictionary(run: Run) -> dict[str, Any] | None:
    if run.reasons is None:
        return None
    pack = run.reasons
    return {
        "title": pack.title,
        "version": pack.version,
        "digest": pack.digest,
        "purpose": pack.content["purpose"],
        "method": pack.content["method"],
        "factors": pack.content["factors"],
        "excluded": pack.content["excluded"],
        "sources": pack.content["sources"],
    }
