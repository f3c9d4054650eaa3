"""What a compliance report says, as one plain document: the same state gives the same content, byte for byte."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from mrm.audit.models import Event
from mrm.audit.queries import sentence, timeline
from mrm.core import blobs
from mrm.core.canonical import canonical, plain, timestamp
from mrm.core.sheets import safe
from mrm.deployment.models import Revision
from mrm.evaluation import queries as evaluation
from mrm.evaluation.models import Run
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version
from mrm.reporting.queries.decisions import approvals, decisions, decisive
from mrm.reporting.queries.record import artifact, card, datasets, rating, version_facts
from mrm.reporting.queries.validations import earlier_findings, relied_on, validations

SCHEMA = "compliance/1"
KINDS = ("performance", "bias", "explainability")
# asking for a report is itself an event; it says nothing about the model, and would change every next report
NOT_CONTENT = "reporting."
_REPORTED_PINS = ("artifact_sha256", "dataset_sha256", "protected_sha256", "seed", "network", "versions", "code")


def compliance(version: Version) -> dict[str, Any]:
    """Everything the report rests on; neither the moment of printing nor the report's own number is part of it."""
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "version": version_facts(version),
        "card": card(version),
        "rating": rating(version.model),
        "artifact": artifact(version),
        "datasets": datasets(version),
        "validations": validations(version),
        "earlier_findings": earlier_findings(version),
        "evaluations": [_evaluation(run) for run in _runs(version)],
        "other_runs": _other_runs(version),
        "decisions": decisions(version),
        "approvals": approvals(version),
        "deployments": _deployments(version),
        "timeline": [_event(event) for event in _events(version)],
    }
    content["attestation"] = decisive(content["decisions"], content["approvals"])
    found: dict[str, Any] = plain(content)
    return found


def attachments(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The files embedded in the report: the content itself, its lists in full, and every figure as drawn."""
    files = [
        _file(
            "content.json",
            canonical(content),
            "Everything this report says; its SHA-256 is the digest on the cover",
            "Source",
        ),
        _file(
            "results.csv",
            _table(_result_rows(content)),
            "Every evaluation result with interval, limits and status",
            "Data",
        ),
        _file("timeline.csv", _table(_timeline_rows(content)), "Every event on the model", "Data"),
    ]
    for run in content["evaluations"]:
        files += [
            _file(f"{run['ref']}-{figure['name']}.svg", blobs.read(figure["sha256"]), figure["title"], "Supplement")
            for figure in run["figures"]
        ]
    return files


def _runs(version: Version) -> list[Run]:
    """For each kind the run that the validation relied on, else the latest on exactly these bytes; oldest first."""
    found = {run.pk: run for kind in KINDS if (run := relied_on(version, kind) or evaluation.completed(version, kind))}
    return sorted(found.values(), key=lambda run: run.number)


def _evaluation(run: Run) -> dict[str, Any]:
    named = (("name", "title", "alt", "header", "rows"), ("width", "height"))
    return {
        "ref": run.ref,
        "kinds": run.kinds,
        "finished_at": run.finished_at,
        "asked_by": run.requested_by.name,
        "dataset": {
            "ref": run.dataset.ref,
            "name": run.dataset.name,
            "rows": run.dataset.rows,
            "sha256": run.dataset.sha256,
        },
        "suite": {"title": run.suite.title, "version": run.suite.version, "digest": run.suite.digest},
        "thresholds": run.suite.content["thresholds"],
        "settings": _settings(run.settings),
        "pins": {name: run.pins.get(name) for name in _REPORTED_PINS},
        "counts": run.counted(),
        "worst": run.worst(),
        "results": run.results,
        "crosscheck": run.crosscheck,
        "explanation": run.explanation,
        "figures": [
            {**{name: figure.get(name) for group in named for name in group}, "sha256": figure["light"]}
            for figure in run.figures
        ],
        "digest": run.digest,
    }


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Names of attributes are the bank's own words, so they travel as values, never as keys."""
    return {**settings, "references": sorted((settings.get("references") or {}).items())}


def _other_runs(version: Version) -> list[dict[str, Any]]:
    shown = {run.pk for run in _runs(version)}
    others = version.runs.exclude(status=RunState.QUEUED).exclude(pk__in=shown).order_by("number")
    return [
        {"ref": run.ref, "kinds": run.kinds, "status": run.status, "finished_at": run.finished_at, "digest": run.digest}
        for run in others
    ]


def _deployments(version: Version) -> list[dict[str, Any]]:
    revisions = Revision.objects.filter(version=version).select_related("deployment__target", "requested_by__person")
    return [_revision(revision) for revision in revisions.order_by("requested_at")]


def _revision(revision: Revision) -> dict[str, Any]:
    proof, target = revision.verification, revision.deployment.target
    return {
        "place": target.name,
        "environment": target.get_environment_display(),
        "endpoint": revision.deployment.endpoint,
        "number": revision.number,
        "kind": revision.get_kind_display(),
        "status": revision.get_status_display(),
        "asked_by": revision.requested_by.name,
        "asked_at": revision.requested_at,
        "settled_at": revision.settled_at,
        "reason": revision.reason,
        "error": revision.error,
        "artifact_sha256": revision.artifact_sha256,
        "digest_read_back": proof.get("digest", ""),
        "declared_only": bool(proof.get("declared_only")),
        "probe": proof.get("probe") or {},
    }


def _events(version: Version) -> QuerySet[Event]:
    return timeline(version.model).exclude(verb__startswith=NOT_CONTENT).order_by("position")


def _event(event: Event) -> dict[str, Any]:
    return {
        "position": event.position,
        "at": timestamp(event.at),
        "actor": event.actor_name,
        "roles": event.actor_roles,
        "verb": event.verb,
        "outcome": event.outcome,
        "sentence": sentence(event),
        "reason": event.reason or " ".join(event.details.get("reasons", [])),
        "digest": event.digest,
    }


def _file(name: str, content: bytes, description: str, relationship: str) -> dict[str, Any]:
    return {"name": name, "content": content, "description": description, "relationship": relationship}


def _table(rows: Iterator[list[Any]]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerows([[safe(value) for value in row] for row in rows])
    return target.getvalue().encode()


def _result_rows(content: dict[str, Any]) -> Iterator[list[Any]]:
    header = [
        "measure",
        "attribute",
        "group",
        "reference",
        "value",
        "lower",
        "upper",
        "n",
        "status",
        "threshold_text",
        "reason",
    ]
    yield ["run", *header, "method"]
    for run in content["evaluations"]:
        for result in run["results"]:
            yield [run["ref"], *(result[name] for name in header), result["method"]]


def _timeline_rows(content: dict[str, Any]) -> Iterator[list[Any]]:
    names = ["position", "at", "actor", "verb", "outcome", "sentence", "reason", "digest"]
    yield names
    for event in content["timeline"]:
        yield [event[name] for name in names]
