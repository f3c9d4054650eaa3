"""In the worker: gate, fetch, push, look again, probe, record. Safe to repeat after any interruption."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import queries as approval
from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError, Integrity, Invalid, OutcomeUnknown
from mrm.connectors.protocol import (
    FULL,
    Artifact,
    ArtifactFile,
    Cap,
    Connector,
    Desired,
    Observed,
    Op,
    Role,
    Variant,
    VersionRef,
)
from mrm.core import blobs
from mrm.core.actors import Actor, System
from mrm.core.refusal import Refused
from mrm.deployment.models import Deployment, Health, Revision, RevisionKind, Sync
from mrm.deployment.services.probe import probe
from mrm.deployment.services.target import connect
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.inventory import services as inventory
from mrm.inventory.workflow import Lifecycle, VersionState
from mrm.jobs.kinds import Later

Report = Callable[[str, int, int], None]
STEPS = 5


def reconcile(revision_id: str, progress: Report) -> None:
    """Bring one revision about. What was pushed before an interruption is recognised, not pushed twice."""
    revision = _read(revision_id)
    with _alone(revision.deployment):
        revision = _read(revision_id)
        if revision.status != RevisionState.PENDING:
            return
        try:
            verification = _take_out(revision, progress) if revision.kind == RevisionKind.STOP else _push(revision, progress)
        except Refused as refusal:
            fail(revision, error=str(refusal), actor=revision.requested_by)
            raise
        except (Integrity, Invalid) as error:
            fail(revision, error=str(error), actor=revision.requested_by)
            raise Refused(str(error)) from error
        except ConnectorError as error:
            raise Later(f"{revision.deployment.target} did not do it yet: {error}", _pause(error)) from error
        progress("Recording", STEPS, STEPS)
        settle(revision, verification=verification, actor=revision.requested_by)


def give_up(revision_id: str, sentence: str) -> None:
    """After the last attempt: say so on the revision, and look at the place once more if it answers."""
    revision = _read(revision_id)
    if revision.status == RevisionState.PENDING:
        fail(revision, error=sentence, actor=revision.requested_by)


def _read(revision_id: str) -> Revision:
    return Revision.objects.select_related(
        "deployment__model__unit", "deployment__target", "version__model", "version__artifact", "approval", "requested_by"
    ).get(pk=revision_id)


class _alone:
    """One worker at a time per deployment, by a lock that dies with the connection."""

    def __init__(self, deployment: Deployment) -> None:
        self.key = f"deployment {deployment.pk}"

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 1))", [self.key])
            if not cursor.fetchone()[0]:
                raise Later("Another worker is busy at this place.", 2.0)

    def __exit__(self, *exc: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 1))", [self.key])


def _push(revision: Revision, progress: Report) -> dict[str, Any]:
    progress("Checking the approval", 0, STEPS)
    version = revision.version
    assert version is not None
    if refusal := approval.why_not_usable(version, revision.artifact_sha256):
        raise Refused(f"The push was refused. {refusal}")
    progress("Checking the bytes", 1, STEPS)
    blobs.fetch(revision.artifact_sha256).unlink()
    desired, place = _desired(revision), connect(revision.deployment.target)
    observed = place.observe(desired.endpoint)
    if differences(desired, observed, place.caps):
        progress("Pushing", 2, STEPS)
        _apply(place, desired, observed, revision)
    progress("Looking at what runs", 3, STEPS)
    observed = place.observe(desired.endpoint)
    if found := differences(desired, observed, place.caps):
        raise ConnectorError("; ".join(found), permanent=False)
    progress("Scoring the golden rows", 4, STEPS)
    return {
        "observed": dataclasses.asdict(observed),
        "digest": revision.artifact_sha256 if Cap.OBSERVE_DIGEST in place.caps else "",
        "declared_only": Cap.DECLARED_ONLY in place.caps,
        "probe": probe(place, revision),
        "verified_at": timezone.now().isoformat(),
    }


def _apply(place: Connector, desired: Desired, observed: Observed, revision: Revision) -> None:
    op = Op(id=str(revision.pk), idempotency_key=f"{desired.deployment}:{desired.revision}:{desired.fingerprint()[:16]}")
    try:
        result = place.apply(desired, op=op, expect_etag=observed.etag if Cap.ETAG in place.caps else None)
    except OutcomeUnknown as error:
        raise Later(f"The place did not answer in time; we look before we push again. {error}", 2.0) from error
    while not result.done:
        time.sleep(result.poll_after or 1.0)
        result = place.poll(result.handle or "")


def _take_out(revision: Revision, progress: Report) -> dict[str, Any]:
    progress("Taking it out", 2, STEPS)
    place, endpoint = connect(revision.deployment.target), revision.deployment.endpoint
    op = Op(id=str(revision.pk), idempotency_key=f"{revision.deployment_id}:{revision.number}:stop")
    place.delete(endpoint, op=op)
    progress("Looking at what runs", 3, STEPS)
    observed = place.observe(endpoint)
    if any(variant.managed for variant in observed.variants):
        raise ConnectorError("The place still serves it.", permanent=False)
    return {"observed": dataclasses.asdict(observed), "verified_at": timezone.now().isoformat()}


def _desired(revision: Revision) -> Desired:
    version = revision.version
    assert version is not None
    assert version.artifact is not None
    artifact = version.artifact
    file = ArtifactFile(_plain_name(artifact.filename), artifact.sha256, artifact.size)
    reference = VersionRef(
        model=version.model.ref,
        version=version.label,
        artifact=Artifact(f"sha256:{artifact.sha256}", artifact.sha256, artifact.kind, (file,)),
        approval_id=str(revision.approval_id),
        approved_digest=revision.artifact_sha256,
        features=tuple(version.features),
    )
    variant = Variant(Role.CHAMPION, reference, weight_bp=FULL)
    deployment = revision.deployment
    return Desired(str(deployment.pk), revision.number, deployment.endpoint, (variant,))


def _plain_name(filename: str) -> str:
    return filename.replace("\\", "/").rsplit("/", 1)[-1].lstrip(".") or "model"


def differences(desired: Desired, observed: Observed, caps: Cap) -> list[str]:
    """What the place shows otherwise than wanted, each as a sentence."""
    champion = desired.champion
    mine = [variant for variant in observed.variants if variant.version == champion.version]
    if not observed.exists or not mine:
        serving = ", ".join(variant.version for variant in observed.variants) or "nothing"
        return [f"Wanted is version {champion.version}; the place serves {serving}."]
    found = []
    if Cap.OBSERVE_DIGEST in caps and mine[0].digest != champion.artifact.digest:
        shown = (mine[0].digest or "unknown")[:12]
        found.append(f"The bytes there have the digest {shown}…, approved is {champion.artifact.digest[:12]}….")
    if not mine[0].ready:
        found.append(f"Version {champion.version} is not ready. {mine[0].reason}".strip())
    strangers = [variant.version for variant in observed.variants if variant not in mine]
    if strangers:
        found.append(f"The place also serves {', '.join(strangers)}, which nobody wanted there.")
    if observed.revision is not None and observed.revision != desired.revision:
        found.append(f"The place holds revision {observed.revision}, wanted is {desired.revision}.")
    return found


def _pause(error: ConnectorError) -> float:
    return float(getattr(error, "retry_after", None) or 3.0)


@audited("deployment.verify", "verified {revision}: {proof}")
def settle(revision: Revision, *, verification: dict[str, Any], actor: Account) -> Revision:
    """Record what was pushed and seen, and carry it to version and model."""
    revision = _locked(revision)
    for former in revision.deployment.revisions.filter(status=RevisionState.APPLIED).exclude(pk=revision.pk):
        _move(former, "supersede", actor)
        former.save(update_fields=["status"])
    _move(revision, "apply", actor)
    revision.verification, revision.settled_at = verification, timezone.now()
    revision.save(update_fields=["status", "verification", "settled_at"])
    _see(revision.deployment, verification["observed"], Sync.IN_SYNC, Health.HEALTHY, [])
    _carry(revision, actor)
    digest = verification.get("digest")
    describe(revision=str(revision), proof=f"digest {digest[:12]}… read back" if digest else "as declared there")
    return revision


def _carry(revision: Revision, actor: Actor) -> None:
    model = revision.deployment.model
    live = {
        str(entry.version_id)
        for entry in Revision.objects.filter(deployment__model=model, status=RevisionState.APPLIED).exclude(version=None)
    }
    for version in model.versions.filter(status=VersionState.ACTIVE):
        if str(version.pk) not in live:
            inventory.advance_version(version, "be_superseded", actor=actor)
    if revision.version and revision.version.status in {VersionState.APPROVED, VersionState.SUPERSEDED}:
        inventory.advance_version(revision.version, "go_live", actor=actor)
    if live and model.lifecycle in {Lifecycle.APPROVED, Lifecycle.SUSPENDED}:
        inventory.advance_model(model, "enter_production", actor=actor)
        if model.production_date is None:
            inventory.note_validation(model, production_date=timezone.localdate())
    elif not live and model.lifecycle == Lifecycle.PRODUCTION:
        inventory.advance_model(model, "take_out", actor=actor)


@audited("deployment.fail", "could not apply {revision}: {error}")
def fail(revision: Revision, *, error: str, actor: Account) -> Revision:
    """Record why a revision was not brought about; what ran before is still wanted."""
    revision = _locked(revision)
    _move(revision, "fail", actor)
    revision.error, revision.settled_at = error, timezone.now()
    revision.save(update_fields=["status", "error", "settled_at"])
    deployment = revision.deployment
    deployment.sync = Sync.UNKNOWN
    deployment.save(update_fields=["sync"])
    describe(revision=str(revision), error=error)
    return revision


def observe(deployment_id: str) -> None:
    """Look at the place and compare with the revision in force; a difference is kept, not corrected."""
    deployment = Deployment.objects.select_related("model__unit", "target").get(pk=deployment_id)
    wanted = deployment.revisions.filter(status=RevisionState.APPLIED).first()
    try:
        place = connect(deployment.target)
        observed = place.observe(deployment.endpoint)
    except ConnectorError as error:
        record_observation(deployment, seen={}, drift=[str(error)], sync=Sync.UNKNOWN, actor=System("deployment"))
        return
    drift = []
    if wanted is not None and wanted.version_id:
        drift = differences(_desired(_read(str(wanted.pk))), observed, place.caps)
    elif any(variant.managed for variant in observed.variants):
        drift = ["Something is served there that nobody wants there."]
    sync = Sync.DRIFTED if drift else Sync.IN_SYNC
    record_observation(deployment, seen=dataclasses.asdict(observed), drift=drift, sync=sync, actor=System("deployment"))


@audited("deployment.observe", "looked at {subject}: {answer}")
def record_observation(
    deployment: Deployment, *, seen: dict[str, Any], drift: list[str], sync: str, actor: Actor
) -> Deployment:
    """Keep what was seen at the place, and in what it differs."""
    health = {Sync.IN_SYNC: Health.HEALTHY, Sync.DRIFTED: Health.DEGRADED}.get(Sync(sync), Health.UNKNOWN)
    _see(deployment, seen, sync, health, drift)
    describe(answer="in step" if not drift else "; ".join(drift))
    return deployment


def _see(deployment: Deployment, seen: dict[str, Any], sync: str, health: str, drift: list[str]) -> None:
    deployment.observed, deployment.observed_at = seen, timezone.now()
    deployment.sync, deployment.health, deployment.drift = sync, health, drift
    deployment.save(update_fields=["observed", "observed_at", "sync", "health", "drift"])


def _locked(revision: Revision) -> Revision:
    return (
        Revision.objects.select_for_update(of=("self",))
        .select_related("deployment__model__unit", "deployment__target", "version__model")
        .get(pk=revision.pk)
    )


def _move(revision: Revision, name: str, actor: Actor) -> None:
    if reasons := FLOW.closed(revision, name, actor):
        raise Refused(*reasons)
    revision.status = FLOW.moves[name].target
