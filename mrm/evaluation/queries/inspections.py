"""Inspections of artifacts: what counts of them, and what stands in the way because of it."""

from collections.abc import Collection
from typing import Any

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.evaluation.models import Inspection
from mrm.evaluation.policies import why_not_inspect, why_not_passed
from mrm.inventory.models import Version
from mrm.jobs.queries import is_under_way

INSPECT = "evaluation.inspect"  # the kind of job
SHOWN = 8  # of a list of facts, on the page
LABELS = {
    "producer": "Made by",
    "ir_version": "IR version",
    "opsets": "Operator sets",
    "nodes": "Nodes",
    "operators": "Operators",
    "functions": "Functions of its own",
    "weights_bytes": "Weights, bytes",
    "inputs": "Inputs",
    "outputs": "Outputs",
    "estimator": "Estimator",
    "trees": "Trees",
    "features": "Features",
    "pmml_version": "PMML version",
    "models": "Models",
    "tensors": "Tensors",
    "files": "Files",
    "names": "Names in it",
    "fickling": "fickling rates it",
    "modelscan": "ModelScan",
}


def inspections_of(version: Version) -> QuerySet[Inspection]:
    """Every inspection of the artifact that a version has now, newest first."""
    return Inspection.objects.filter(artifact=version.artifact_id or "").select_related("artifact", "version__model")


def latest_inspections(artifacts: Collection[str]) -> dict[str, Inspection]:
    """The inspection that counts of each artifact, by digest: the last one, whichever version it was made for."""
    found = Inspection.objects.filter(artifact__in=artifacts).order_by("artifact", "-pk").distinct("artifact")
    return {each.artifact_id: each for each in found.select_related("artifact")}


def inspection_of(sha256: str | None) -> Inspection | None:
    return latest_inspections([sha256]).get(sha256) if sha256 else None


def why_artifact_not_passed(filename: str, found: Inspection | None) -> str | None:
    """Why the inspection that counts keeps an artifact from being used, or None."""
    return why_not_passed(filename, found.outcome if found else "", found.sentences if found else [])


def is_being_inspected(version: Version) -> bool:
    """Whether a worker has, or will take, the artifact that the version has now."""
    return is_under_way(version, INSPECT, sha256=version.artifact_id)


def inspection_facts(version: Version, account: Account) -> dict[str, Any]:
    """What the version's page says of the inspection of its artifact, and whether it may be asked for again."""
    made = list(inspections_of(version)[:4])
    waiting = is_being_inspected(version)
    return {
        "inspection": made[0] if made else None,
        "facts": _shown(made[0].facts) if made else [],
        "earlier": made[1:],
        "waiting": waiting,
        "closed": account.lacks("evaluation.ask_inspection", version) or why_not_inspect(version, waiting) or "",
    }


def _shown(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """What the tools read, as lines of the page: long lists are cut, the API has all of them."""
    return [(label, _text(facts[name])) for name, label in LABELS.items() if facts.get(name)]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    if isinstance(value, list):
        more = f" and {len(value) - SHOWN} more" if len(value) > SHOWN else ""
        return ", ".join(str(each) for each in value[:SHOWN]) + more
    return f"{value:,}" if isinstance(value, int) else str(value)
