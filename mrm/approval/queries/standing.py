"""Approvals, and whether one may be relied on at this moment."""

import datetime as dt

from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import policies
from mrm.approval.models import Approval, Condition
from mrm.approval.queries.evidence import exceptions_of
from mrm.approval.queries.inspected import clause_of
from mrm.approval.workflow import STANDING, ApprovalState
from mrm.evaluation import queries as evaluation
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to
from mrm.signoff import queries as signoff
from mrm.signoff.models import Request, RequestState
from mrm.signoff.policies import Duty, Verdict

RENEW_WITHIN = dt.timedelta(days=60)


def visible_to(account: Account) -> QuerySet[Approval]:
    return Approval.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit", "request__policy"
    )


def conditions_visible_to(account: Account) -> QuerySet[Condition]:
    return Condition.objects.filter(approval__version__in=versions_visible_to(account)).select_related(
        "approval__version__model__unit", "owner", "met_by"
    )


def approvals_of(version: Version) -> QuerySet[Approval]:
    """Every approval the version ever had, the newest first, with their conditions."""
    return (
        Approval.objects.filter(version=version)
        .select_related("request__policy", "version__model__unit")
        .prefetch_related("conditions__owner", "conditions__met_by")
    )


def valid_approval(version: Version) -> Approval | None:
    return approvals_of(version).filter(status=ApprovalState.VALID).first()


def standing_approval(version: Version) -> Approval | None:
    """The approval that was not ended: in force, or suspended until what is owed was done."""
    return approvals_of(version).filter(status__in=STANDING).first()


def renewals(account: Account, within: dt.timedelta = RENEW_WITHIN) -> QuerySet[Approval]:
    """Approvals that end soon and whose renewal nobody has asked for yet, the next to end first."""
    asked = Request.objects.filter(
        subject_kind="version_use", status=RequestState.OPEN, subject_key=Cast(OuterRef("version_id"), CharField())
    )
    ending = visible_to(account).filter(status__in=STANDING, expires_at__lt=timezone.now() + within)
    return ending.exclude(Exists(asked)).order_by("expires_at")


def last_approval(model: Model, but: Version) -> Approval | None:
    """The approval that another version of the model got last."""
    return (
        Approval.objects.filter(version__model=model)
        .exclude(version=but)
        .select_related(
            "request", "version__artifact", "version__model__unit", "version__model__owner", "version__model__developer"
        )
        .order_by("-granted_at")
        .first()
    )


def last_approved(model: Model, but: Version) -> Version | None:
    """The version of the model that was approved before this one."""
    approval = last_approval(model, but)
    return approval.version if approval else None


def why_not_in_force(approval: Approval) -> str | None:
    """Why the approval does not hold today, or None."""
    return policies.in_force(approval, timezone.localdate())


def why_not_usable(version: Version, sha256: str, where: policies.Where | None = None) -> str | None:
    """Why this version may not run with these bytes now, and there, or None.

    Asked again at every use: the approval must be in force, for these bytes, which the last inspection
    found clean or an exception stands in for, and its signatures must still carry it, judged by the
    policy they were pinned to.
    """
    approval = standing_approval(version)
    if approval is None:
        return f"{version} has no valid approval."
    if reason := policies.in_force(approval, timezone.localdate()) or policies.same_bytes(approval, sha256):
        return reason
    if where and (reason := policies.in_environment(approval, where)):
        return reason
    if reason := _why_not_passed(version, sha256):
        return reason
    found = verdict_at_use(approval)
    if found.state == "approved":
        return None
    if found.is_open or found.state in {"rejected", "returned"}:
        why = " ".join(dict.fromkeys(found.ignored))
        return (
            f"The signatures on {approval.request.ref} no longer carry the approval: separation of duties is broken,"
            f" or what was signed was changed. {why}".strip()
        )
    return found.reason


def _why_not_passed(version: Version, sha256: str) -> str | None:
    found = evaluation.inspection_of(sha256)
    named = found.artifact.filename if found else f"Artifact {sha256[:12]}…"
    reason = evaluation.why_artifact_not_passed(named, found)
    if reason and found and (version.model_id, clause_of(found)) in exceptions_of([version.model_id]):
        return None
    return reason


def verdict_at_use(approval: Approval) -> Verdict:
    """What the signatures amount to now: with the roles, parties and content of this moment, and what became of it."""
    return signoff.verdict_at_use(
        approval.request,
        decided=approval.granted_at.timestamp(),
        ended=approval.ended_at.timestamp() if approval.ended_at else None,
        reviewed=approval.reviewed_at.timestamp() if approval.reviewed_at else None,
        duties=tuple(_duty(condition) for condition in approval.conditions.all()),
    )


def _duty(condition: Condition) -> Duty:
    """A condition is due until the end of its day."""
    over = timezone.make_aware(dt.datetime.combine(condition.due + dt.timedelta(days=1), dt.time.min))
    met = timezone.make_aware(dt.datetime.combine(condition.met_on, dt.time.min)) if condition.met_on else None
    return Duty(condition.text, over.timestamp(), met.timestamp() if met else None)
