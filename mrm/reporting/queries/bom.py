"""The bill of materials of a version in CycloneDX 1.6: bytes, data and model card, with the decisions they rest on."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.text import slugify

from mrm import __version__
from mrm.approval.models import Approval
from mrm.approval.queries import approvals_of
from mrm.audit.models import Event, Outcome
from mrm.audit.queries import timeline
from mrm.core.canonical import digest, timestamp
from mrm.evaluation.models import Run
from mrm.evaluation.queries import inspection_of
from mrm.inventory.models import Artifact, Dataset, Version, VersionDataset
from mrm.reporting.queries.compliance import runs_told
from mrm.reporting.queries.model_card import filled, model_card
from mrm.reporting.queries.record import KEY
from mrm.validation.queries import open_findings

SPECIFICATION = "1.6"
BILL_TYPE = f"application/vnd.cyclonedx+json; version={SPECIFICATION}"
# the areas whose records are told; reading them, or deploying the version, changes nothing in the bill
_TOLD = ("inventory.", "evaluation.", "validation.", "approval.", "signoff.")


def bill_of_materials(version: Version) -> dict[str, Any]:
    """Everything the bill says; the same state of the record gives the same serial number, time and bytes."""
    last, links = _last_change(version), _links(version)
    artifact, data = version.artifact, list({link.dataset_id: link.dataset for link in links}.values())
    assert artifact is not None  # the service asks first
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "version": 1,
        "metadata": {
            "timestamp": timestamp(last.at if last else version.created_at),
            "tools": {"components": [{"type": "application", "name": "mrm", "version": __version__}]},
            "manufacturer": {"name": settings.BANK_NAME},
            "component": _model(version),
            "properties": _properties({"mrm:log:event": last.digest if last else ""}),
        },
        "components": [_version(version, artifact, links, data), _file(artifact), *map(_dataset, data)],
        "dependencies": [
            {"ref": version.model.ref, "dependsOn": [_ref(version)]},
            {"ref": _ref(version), "dependsOn": [artifact.sha256, *(each.ref for each in data)]},
        ],
    }
    return {**told, "serialNumber": uuid.uuid5(uuid.NAMESPACE_OID, digest(told)).urn}


def as_file(bill: dict[str, Any]) -> bytes:
    """The one byte string of a bill, to be read by people as well."""
    return json.dumps(bill, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def bill_name(version: Version) -> str:
    """The file's name, with the ending by which tools know the format."""
    return f"{version.model.ref}-{slugify(version.label.replace('.', '-'))}.cdx.json"


def _last_change(version: Version) -> Event | None:
    """The last event that changed what the bill tells of: its time is the time of the bill."""
    areas = Q()
    for area in _TOLD:
        areas |= Q(verb__startswith=area)
    return timeline(version.model).filter(areas, outcome=Outcome.DONE).first()


def _links(version: Version) -> list[VersionDataset]:
    return list(version.datasets.select_related("dataset").order_by("dataset__number", "role"))


def _ref(version: Version) -> str:
    return f"{version.model.ref}@{version.label}"


def _model(version: Version) -> dict[str, Any]:
    """What the version is a version of: the model as it stands in the inventory."""
    model = version.model
    facts = {
        "mrm:tier": model.tier, "mrm:lifecycle": model.get_lifecycle_display(), "mrm:unit": model.unit.name,
        "mrm:owner": model.owner.name, "mrm:autonomy": model.get_autonomy_display(),
    }  # fmt: skip
    return filled({
        "type": "application",
        "bom-ref": model.ref,
        "name": model.name,
        "description": model.use_summary,
        "supplier": {"name": model.vendor},
        "externalReferences": [{"type": "documentation", "url": _address(model.get_absolute_url())}],
        "properties": _properties(facts),
    })  # fmt: skip


def _version(version: Version, artifact: Artifact, links: list[VersionDataset], data: list[Dataset]) -> dict[str, Any]:
    runs, approvals = runs_told(version), list(approvals_of(version).order_by("granted_at"))
    parts = [(f"mrm:data:{link.role}", link.dataset.ref) for link in links]
    return filled({
        "type": "machine-learning-model",
        "bom-ref": _ref(version),
        "name": version.model.name,
        "version": version.label,
        "description": version.notes,
        "authors": [{"name": version.developer.name}],
        "hashes": _hashes(artifact.sha256),
        "modelCard": model_card(version, data, runs, open_findings(version).order_by("number")),
        "externalReferences": [
            {"type": "model-card", "url": _address(version.get_absolute_url())},
            *map(_evaluation, runs),
            *map(_approval, approvals),
        ],
        "properties": [
            *_properties({"mrm:status": version.get_status_display(), "mrm:training_window": version.training_window}),
            *({"name": name, "value": ref} for name, ref in parts),
            *(each for approval in approvals for each in _decided(approval)),
        ],
    })  # fmt: skip


def _file(artifact: Artifact) -> dict[str, Any]:
    facts = {"mrm:kind": artifact.get_kind_display(), "mrm:size": str(artifact.size)}
    if found := inspection_of(artifact.sha256):
        facts |= {"mrm:inspection": found.outcome, "mrm:inspected_by": found.told_tools, "mrm:format": found.found}
    return {
        "type": "file",
        "bom-ref": artifact.sha256,
        "name": artifact.filename,
        "hashes": _hashes(artifact.sha256),
        "properties": _properties(facts),
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    """A data set by its digest and the names of its columns; no value of it is told."""
    facts = {"mrm:source": dataset.source, "mrm:period": dataset.period, "mrm:rows": str(dataset.rows)}
    part = {
        "type": "dataset",
        "name": dataset.ref,
        "contents": {"url": _address(dataset.get_absolute_url()), "properties": _properties(facts)},
        "classification": "protected attributes" if dataset.holds_protected else "",
        "sensitiveData": [name for name in dataset.columns if name != KEY] if dataset.holds_protected else [],
    }
    return filled({
        "type": "data",
        "bom-ref": dataset.ref,
        "name": dataset.name,
        "description": dataset.description,
        "hashes": _hashes(dataset.sha256),
        "data": [filled(part)],
    })  # fmt: skip


def _evaluation(run: Run) -> dict[str, Any]:
    told = f"{run.ref}: {', '.join(run.kinds)} on {run.dataset.ref} under {run.suite.title} {run.suite.version}; worst result: {run.worst()}"
    return {
        "type": "quality-metrics",
        "url": _address(run.get_absolute_url()),
        "comment": told,
        "hashes": _hashes(run.digest),
    }


def _approval(approval: Approval) -> dict[str, Any]:
    told = f"{approval.request.ref}: {approval.get_kind_display().lower()} approval, {approval.get_status_display().lower()}, until {approval.valid_until}, for exactly these bytes"
    url = _address(reverse("signoff:request", args=[approval.request_id]))
    return {"type": "attestation", "url": url, "comment": told}


def _decided(approval: Approval) -> list[dict[str, str]]:
    name = f"mrm:approval:{approval.request.ref}"
    facts = {
        f"{name}:status": approval.get_status_display(),
        f"{name}:granted_at": timestamp(approval.granted_at),
        f"{name}:valid_until": approval.valid_until.isoformat(),
        f"{name}:policy": approval.request.policy.digest,
        f"{name}:artifact": approval.artifact_sha256,
    }
    conditions = [{"name": f"{name}:condition", "value": each.text} for each in approval.conditions.all()]
    return [*_properties(facts), *conditions]


def _hashes(sha256: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256}]


def _properties(facts: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in facts.items() if value]


def _address(path: str) -> str:
    return f"{settings.HOST_URL.rstrip('/')}{path}"
