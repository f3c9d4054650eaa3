"""The permission to run a pickle: asked for by a person without a part in the model, granted by a clean scan."""

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Invalid, Refused
from mrm.evaluation import policies
from mrm.evaluation.models import ExecutionPermission
from mrm.evaluation.workflow import PERMISSION, PermissionState
from mrm.inventory.models import Version
from mrm.jobs import services as jobs

OPEN = (PermissionState.SCANNING, PermissionState.GRANTED)


@audited("evaluation.permit", "asked for the {subject}: {reason}")
def permit_execution(version: Version, *, reason: str, actor: Account) -> ExecutionPermission:
    """Have the pickle scanned in a confined process; a clean scan grants that it is run there, and nowhere else."""
    permit(actor, "evaluation.permit", version)
    version = (
        Version.objects.select_for_update(of=("self",)).select_related("model__unit", "artifact").get(pk=version.pk)
    )
    if closed := policies.why_not_permit(version, actor):
        raise Refused(closed)
    if not reason.strip():
        raise Invalid("Say why this pickle has to be run.", fields={"reason": ["Say why it has to be run."]})
    assert version.artifact is not None
    if version.artifact.execution_permissions.filter(status__in=OPEN).exists():
        raise Refused(f"{version.artifact} is permitted already, or being scanned.")
    made = ExecutionPermission.objects.create(
        artifact=version.artifact, version=version, reason=reason.strip(), asked_by=actor
    )
    jobs.request(
        "evaluation.scan", label=f"Scan of {version.artifact}"[:200], subject=made, actor=actor, permission=str(made.pk)
    )
    describe(reason=made.reason, sha256=version.artifact_id)
    return made


@audited("evaluation.grant", "found nothing but estimators in the file: granted the {subject}")
def grant(permission: ExecutionPermission, *, names: list[str], actor: Actor) -> ExecutionPermission:
    """Put the permission in force, with every name that the scan found in the file."""
    permission = _locked(permission)
    PERMISSION.move(permission, "grant", actor)
    permission.names, permission.settled_at = names, timezone.now()
    permission.save(update_fields=["status", "names", "settled_at"])
    describe(names=len(names))
    return permission


@audited("evaluation.refuse", "refused the {subject}: {error}")
def refuse(permission: ExecutionPermission, *, error: str, actor: Actor) -> ExecutionPermission:
    """Keep what the scan found that no estimator needs."""
    permission = _locked(permission)
    PERMISSION.move(permission, "refuse", actor)
    permission.error, permission.settled_at = error, timezone.now()
    permission.save(update_fields=["status", "error", "settled_at"])
    describe(error=error)
    return permission


@audited("evaluation.withdraw_permission", "withdrew the {subject}: {reason}")
def withdraw_permission(permission: ExecutionPermission, *, reason: str, actor: Account) -> ExecutionPermission:
    """From here on the pickle is run no more; what it was run for stays on record."""
    permission = _locked(permission)
    PERMISSION.apply(permission, "withdraw_permission", actor)
    if not reason.strip():
        raise Invalid("Say why the permission ends.", fields={"reason": ["Say why it ends."]})
    permission.ended_by, permission.ended_at, permission.ended_reason = actor, timezone.now(), reason.strip()
    permission.save(update_fields=["status", "ended_by", "ended_at", "ended_reason"])
    describe(reason=permission.ended_reason)
    return permission


def give_up_scan(permission_id: str, sentence: str) -> None:
    """Record that a scan did not end, unless it ended meanwhile."""
    found = ExecutionPermission.objects.get(pk=permission_id)
    if found.status == PermissionState.SCANNING:
        refuse(found, error=sentence, actor=System("evaluation"))


def _locked(permission: ExecutionPermission) -> ExecutionPermission:
    rows = ExecutionPermission.objects.select_for_update(of=("self",)).select_related(
        "version__model__unit", "artifact"
    )
    return rows.get(pk=permission.pk)
