from django.db.models import QuerySet
from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import policies
from mrm.approval.models import Approval
from mrm.approval.workflow import ApprovalState
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to
from mrm.signoff import queries as signoff


def visible_to(account: Account) -> QuerySet[Approval]:
    return Approval.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit", "request__policy"
    )


def valid_approval(version: Version) -> Approval | None:
    return (
        Approval.objects.filter(version=version, status=ApprovalState.VALID)
        .select_related("request__policy", "version__model")
        .prefetch_related("conditions__owner")
        .first()
    )


def last_approved(model: Model, but: Version) -> Version | None:
    """The version of the model that was approved before this one."""
    approval = (
        Approval.objects.filter(version__model=model)
        .exclude(version=but)
        .select_related("version__artifact", "version__model")
        .order_by("-granted_at")
        .first()
    )
    return approval.version if approval else None


def why_not_usable(version: Version, sha256: str) -> str | None:
    """Why this version may not run with these bytes now, or None.

    Asked again at every use: the approval must be in force, for these bytes, and its signatures must
    still carry it, judged by the policy they were pinned to.
    """
    approval = valid_approval(version)
    if approval is None:
        return f"{version} has no valid approval."
    if reason := policies.in_force(approval, timezone.localdate()) or policies.same_bytes(approval, sha256):
        return reason
    if signoff.verdict(approval.request).state != "approved":
        return f"The signatures on {approval.request.ref} no longer carry the approval: separation of duties is broken."
    return None
