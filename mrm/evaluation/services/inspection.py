"""Inspections of artifacts: asked for when one is attached or by a person, and kept as they were made."""

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.models import Event
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Refused
from mrm.evaluation import policies, queries
from mrm.evaluation.models import Inspection
from mrm.evaluation.workflow import InspectionOutcome
from mrm.inventory.models import Artifact, Version
from mrm.jobs import services as jobs
from mrm.jobs.models import Job


def inspect_after_attach(event: Event) -> None:
    """An attached artifact is inspected by itself; bytes that were inspected before are not looked at again."""
    version = Version.objects.select_related("artifact").filter(pk=event.subject_id).first()
    if version is None or version.artifact is None or queries.inspection_of(version.artifact_id):
        return
    if not queries.is_being_inspected(version):
        _request(version, version.artifact, System("evaluation"))


@audited("evaluation.ask_inspection", "asked for an inspection of the artifact of {subject}")
def ask_inspection(version: Version, *, actor: Account) -> Version:
    """Have the artifact looked at anew, as after a newer tool was installed; the new result counts from then on."""
    permit(actor, "evaluation.ask_inspection", version)
    version = (
        Version.objects.select_for_update(of=("self",)).select_related("model__unit", "artifact").get(pk=version.pk)
    )
    if closed := policies.why_not_inspect(version, queries.is_being_inspected(version)):
        raise Refused(closed)
    assert version.artifact is not None
    _request(version, version.artifact, actor)
    describe(sha256=version.artifact_id)
    return version


@audited("evaluation.record_inspection", "inspected {artifact}: {outcome}")
def record_inspection(version: Version, *, artifact: Artifact, report: Mapping[str, Any], actor: Actor) -> Inspection:
    """Keep what the tools found in the bytes; from here on it is the inspection that counts of them."""
    made = Inspection.objects.create(
        artifact=artifact,
        version=version,
        declared=artifact.kind,
        found=report["found"],
        outcome=report["outcome"],
        tools=list(report["tools"]),
        findings=list(report["findings"]),
        facts=report["facts"],
    )
    describe(artifact=artifact.filename, sha256=artifact.sha256, outcome=made.outcome, findings=made.sentences[:3])
    return made


def give_up_inspection(version_id: str, sha256: str, sentence: str) -> None:
    """An inspection that no worker could end could not tell: that is its outcome."""
    version = Version.objects.select_related("model__unit").get(pk=version_id)
    artifact = Artifact.objects.get(pk=sha256)
    record_inspection(version, artifact=artifact, report=untold(sentence), actor=System("evaluation"))


def untold(sentence: str) -> dict[str, Any]:
    """The report of a look that came to no end."""
    outcome = str(InspectionOutcome.UNSCANNABLE)
    tool = {"name": "confined process", "version": "1", "outcome": outcome}
    finding = {"tool": tool["name"], "outcome": outcome, "sentence": sentence}
    return {"found": "unknown", "outcome": outcome, "tools": [tool], "findings": [finding], "facts": {}}


def _request(version: Version, artifact: Artifact, actor: Actor) -> Job:
    return jobs.request(
        queries.INSPECT,
        label=f"Inspection of {artifact}",
        subject=version,
        actor=actor,
        version=str(version.pk),
        sha256=artifact.sha256,
        since=timezone.now().isoformat(),
    )
