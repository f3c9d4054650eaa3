"""What a compliance report says, as one plain document: the same state gives the same content, byte for byte."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from mrm.audit.models import Event
from mrm.audit.queries import sentence, timeline
from mrm.core.canonical import plain, timestamp
from mrm.deployment.models import Variant
from mrm.evaluation import queries as evaluation
from mrm.evaluation.models import Run
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version
from mrm.reporting.queries.alternatives import search_on
from mrm.reporting.queries.decisions import approvals, decisions, decisive
from mrm.reporting.queries.evidence import evaluation_facts
from mrm.reporting.queries.files import figure_files, file, results_file, table
from mrm.reporting.queries.record import artifact, card, datasets, rating, version_facts
from mrm.reporting.queries.validations import earlier_findings, relied_on, validations

SCHEMA = "compliance/1"
KINDS = ("performance", "bias", "explainability", "stability", "quality", "soundness", "robustness")
# asking for a report is itself an event; it says nothing about the model, and would change every next report
NOT_CONTENT = "reporting."


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
        "evaluations": [evaluation_facts(run) for run in runs_told(version)],
        "search": search_on(version),
        "other_runs": _other_runs(version),
        "decisions": decisions(version),
        "approvals": approvals(version),
        "deployments": _deployments(version),
        "timeline": [_event(event) for event in _events(version)],
    }
    content["attestation"] = decisive(content["decisions"], content["approvals"])
    found: dict[str, Any] = plain(content)
    return found


def files(content: dict[str, Any]) -> list[dict[str, Any]]:
    """The lists of the report in full, and every figure as drawn."""
    runs = content["evaluations"]
    return [
        results_file(runs),
        file("timeline.csv", table(_timeline_rows(content)), "Every event on the model", "Data"),
        *figure_files(runs),
    ]


def runs_told(version: Version) -> list[Run]:
    """For each kind the run that the validation relied on, else the latest on exactly these bytes; oldest first."""
    found = {run.pk: run for kind in KINDS if (run := relied_on(version, kind) or evaluation.completed(version, kind))}
    return sorted(found.values(), key=lambda run: run.number)


def _other_runs(version: Version) -> list[dict[str, Any]]:
    shown = {run.pk for run in runs_told(version)}
    others = version.runs.exclude(status=RunState.QUEUED).exclude(pk__in=shown).order_by("number")
    return [
        {"ref": run.ref, "kinds": run.kinds, "status": run.status, "finished_at": run.finished_at, "digest": run.digest}
        for run in others
    ]


def _deployments(version: Version) -> list[dict[str, Any]]:
    variants = Variant.objects.filter(version=version).select_related(
        "version", "revision__deployment__target__environment", "revision__requested_by__person"
    )
    return [_deployed(variant) for variant in variants.order_by("revision__requested_at")]


def _deployed(variant: Variant) -> dict[str, Any]:
    revision = variant.revision
    proof, target = revision.proof_of(variant.version.label), revision.deployment.target
    return {
        "place": target.name,
        "environment": target.environment.name,
        "endpoint": revision.deployment.endpoint,
        "number": revision.number,
        "kind": revision.get_kind_display(),
        "status": revision.get_status_display(),
        "asked_by": revision.requested_by.name,
        "asked_at": revision.requested_at,
        "settled_at": revision.settled_at,
        "reason": revision.reason,
        "error": revision.error,
        "role": variant.get_role_display(),
        "share": variant.share,
        "artifact_sha256": variant.artifact_sha256,
        "digest_read_back": proof.get("digest", ""),
        "declared_only": bool(revision.verification.get("declared_only")),
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


def _timeline_rows(content: dict[str, Any]) -> Iterator[list[Any]]:
    names = ["position", "at", "actor", "verb", "outcome", "sentence", "reason", "digest"]
    yield names
    for event in content["timeline"]:
        yield [event[name] for name in names]
