"""Record what was pushed and seen, and carry it to version and model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.connectors.protocol import Artifact, ArtifactFile, Cap, Desired, Role, Serving, Variant, VersionRef
from mrm.core.actors import Actor
from mrm.core.refusal import Refused
from mrm.deployment import models, policies, queries
from mrm.deployment.models import Deployment, Health, Revision, Sync
from mrm.deployment.policies import Drift, Kind
from mrm.deployment.services.incidents import open_incident
from mrm.deployment.workflow import FLOW, RevisionState
from mrm.inventory import services as inventory
from mrm.inventory.models import Model
from mrm.inventory.workflow import Lifecycle, VersionState


def give_up(revision_id: str, sentence: str) -> None:
    """After the last attempt: say so on the revision, and open an incident about it."""
    revision = read_revision(revision_id)
    if revision.status == RevisionState.PENDING:
        fail(revision, error=sentence, actor=revision.requested_by)


def read_revision(revision_id: str) -> Revision:
    found = Revision.objects.prefetch_related(queries.VARIANTS).select_related(
        "deployment__model__unit",
        "deployment__target__environment",
        "version__model",
        "version__artifact",
        "approval",
        "canary",
        "requested_by",
    )
    return found.get(pk=revision_id)


def desired_of(revision: Revision, caps: Cap) -> Desired:
    """The revision as it crosses to a connector; its rules, and how units are assigned, to a place that keeps rules."""
    deployment = revision.deployment
    variants = tuple(
        Variant(Role(each.role), _reference(each), each.weight_bp, each.mirror_bp) for each in revision.variants.all()
    )
    return Desired(str(deployment.pk), revision.number, deployment.endpoint, variants, rules_in_force(revision, caps))


def rules_in_force(revision: Revision, caps: Cap) -> Serving:
    """The rules of a revision with how its units are assigned; as usual where the place keeps none."""
    rules = queries.rules_of(revision)
    if revision.salt:
        rules = replace(rules, salt=revision.salt, unit_field=revision.unit_field)
    return rules if Cap.RULES in caps else Serving()


def _reference(variant: models.Variant) -> VersionRef:
    version = variant.version
    artifact = version.artifact
    assert artifact is not None
    file = ArtifactFile(plain_name(artifact.filename), artifact.sha256, artifact.size)
    return VersionRef(
        model=version.model.ref,
        version=version.label,
        artifact=Artifact(f"sha256:{artifact.sha256}", artifact.sha256, artifact.kind, (file,)),
        approval_id=str(variant.approval_id),
        approved_digest=variant.artifact_sha256,
        features=tuple(version.features),
    )


def plain_name(filename: str) -> str:
    """The name of an artifact's file at a place: no folders, never hidden."""
    return filename.replace("\\", "/").rsplit("/", 1)[-1].lstrip(".") or "model"


@audited("deployment.verify", "verified {revision}: {proof}")
def settle(revision: Revision, *, verification: dict[str, Any], actor: Account) -> Revision:
    """Record what was pushed and seen, and carry it to version and model."""
    revision = _locked(revision)
    _check_records(revision, actor)
    for former in revision.deployment.revisions.filter(status=RevisionState.APPLIED).exclude(pk=revision.pk):
        FLOW.move(former, "supersede", actor)
        former.save(update_fields=["status"])
    FLOW.move(revision, "apply", actor)
    revision.verification, revision.settled_at = verification, timezone.now()
    revision.save(update_fields=["status", "verification", "settled_at"])
    _see(revision.deployment, verification["observed"], Sync.IN_SYNC, [])
    _carry(revision, actor)
    if sentence := queries.interruption(revision):
        came_between = Drift(Kind.INTERRUPTED, sentence)
        open_incident(revision.deployment, came_between, seen=revision.deployment.observed, revision=revision)
    digest = verification.get("digest")
    describe(revision=str(revision), proof=f"digest {digest[:12]}… read back" if digest else "as declared there")
    return revision


def _in_production(model: Model) -> QuerySet[Revision]:
    """What serves where it decides; what serves in a test alone is in production no more than before."""
    found = Revision.objects.filter(deployment__model=model, status=RevisionState.APPLIED)
    return found.filter(deployment__target__environment__stage=models.Stage.PRODUCTION)


def _carry(revision: Revision, actor: Actor) -> None:
    model = revision.deployment.model
    live = queries.answering(_in_production(model))
    for version in model.versions.filter(status=VersionState.ACTIVE):
        if str(version.pk) not in live:
            inventory.advance_version(version, "be_superseded", actor=actor)
    for version in model.versions.filter(pk__in=live, status__in=[VersionState.APPROVED, VersionState.SUPERSEDED]):
        inventory.advance_version(version, "go_live", actor=actor)
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
    FLOW.move(revision, "fail", actor)
    revision.error, revision.settled_at = error, timezone.now()
    revision.save(update_fields=["status", "error", "settled_at"])
    deployment = revision.deployment
    deployment.sync = Sync.UNKNOWN
    deployment.save(update_fields=["sync"])
    describe(revision=str(revision), error=error)
    failed = Drift(Kind.PUSH_FAILED, f"Revision {revision.number} was not brought about. {error}")
    open_incident(deployment, failed, seen=deployment.observed, revision=revision)
    return revision


@audited("deployment.observe", "looked at {subject}: {answer}")
def record_observation(
    deployment: Deployment, *, seen: dict[str, Any], drift: Sequence[Drift], sync: str, actor: Actor
) -> Deployment:
    """Keep what was seen at the place, and in what it differs."""
    _see(deployment, seen, sync, drift)
    describe(answer="; ".join(each.sentence for each in drift) or "in step")
    return deployment


def health_of(sync: str, drift: Sequence[Drift]) -> Health:
    """Whether it serves, apart from whether it is what was wanted."""
    kinds = {each.kind for each in drift}
    if sync == Sync.UNKNOWN or Kind.UNOBSERVABLE in kinds:
        return Health.UNKNOWN
    if Kind.MISSING in kinds:
        return Health.DOWN
    return Health.DEGRADED if drift else Health.HEALTHY


def _see(deployment: Deployment, seen: dict[str, Any], sync: str, drift: Sequence[Drift]) -> None:
    deployment.observed, deployment.observed_at = seen, timezone.now()
    deployment.sync, deployment.health = sync, health_of(sync, drift)
    deployment.drift = [each.told() for each in drift]
    deployment.save(update_fields=["observed", "observed_at", "sync", "health", "drift"])


def _locked(revision: Revision) -> Revision:
    return (
        Revision.objects.select_for_update(of=("self",))
        .select_related("deployment__model__unit", "deployment__target__environment", "version__model", "requested_by")
        .get(pk=revision.pk)
    )


def _check_records(revision: Revision, actor: Account) -> None:
    if reason := policies.records(actor.identity.key, revision.requested_by.identity.key):
        raise Refused(reason)
