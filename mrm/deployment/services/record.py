"""Record what was pushed and seen, compare it with what is wanted, and carry it to version and model."""

import dataclasses
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import FULL, Artifact, ArtifactFile, Cap, Desired, Observed, Role, Variant, VersionRef
from mrm.core.actors import Actor, System
from mrm.core.refusal import Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Health, Revision, Sync
from mrm.deployment.services.target import connect
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.inventory import services as inventory
from mrm.inventory.workflow import Lifecycle, VersionState


def give_up(revision_id: str, sentence: str) -> None:
    """After the last attempt: say so on the revision, and look at the place once more if it answers."""
    revision = read_revision(revision_id)
    if revision.status == RevisionState.PENDING:
        fail(revision, error=sentence, actor=revision.requested_by)


def read_revision(revision_id: str) -> Revision:
    return Revision.objects.select_related(
        "deployment__model__unit",
        "deployment__target",
        "version__model",
        "version__artifact",
        "approval",
        "requested_by",
    ).get(pk=revision_id)


def desired_of(revision: Revision) -> Desired:
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


@audited("deployment.verify", "verified {revision}: {proof}")
def settle(revision: Revision, *, verification: dict[str, Any], actor: Account) -> Revision:
    """Record what was pushed and seen, and carry it to version and model."""
    revision = _locked(revision)
    _check_records(revision, actor)
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
        for entry in Revision.objects.filter(deployment__model=model, status=RevisionState.APPLIED).exclude(
            version=None
        )
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
    _check_records(revision, actor)
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
        revision = read_revision(str(wanted.pk))
        gone = queries.must_withdraw(revision)
        drift = ([gone] if gone else []) + differences(desired_of(revision), observed, place.caps)
    elif any(variant.managed for variant in observed.variants):
        drift = ["Something is served there that nobody wants there."]
    sync = Sync.DRIFTED if drift else Sync.IN_SYNC
    record_observation(
        deployment, seen=dataclasses.asdict(observed), drift=drift, sync=sync, actor=System("deployment")
    )


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
        .select_related("deployment__model__unit", "deployment__target", "version__model", "requested_by")
        .get(pk=revision.pk)
    )


def _check_records(revision: Revision, actor: Account) -> None:
    if reason := policies.records(actor.identity.key, revision.requested_by.identity.key):
        raise Refused(reason)


def _move(revision: Revision, name: str, actor: Actor) -> None:
    if reasons := FLOW.closed(revision, name, actor):
        raise Refused(*reasons)
    revision.status = FLOW.moves[name].target
