"""What a place that keeps rules is told of the approvals it serves by: it alerts, asks the backup or stops."""

from django.utils import timezone

from mrm.approval.models import Approval
from mrm.approval.workflow import ApprovalState
from mrm.audit.trail import audited, describe
from mrm.connectors.protocol import Cap, Connector, Observed, Op
from mrm.core.actors import Actor
from mrm.deployment import queries
from mrm.deployment.models import OnWithdrawn, Revision, Variant
from mrm.deployment.services.incidents import CLOCK

STANDINGS = {
    ApprovalState.SUSPENDED: "suspended",
    ApprovalState.EXPIRED: "expired",
    ApprovalState.WITHDRAWN: "withdrawn",
    ApprovalState.REPLACED: "withdrawn",
}
VALID = "valid"


def tell_standings(place: Connector, revision: Revision, observed: Observed) -> bool:
    """Tell the place of every approval that it takes to stand otherwise; whether anything was told."""
    if Cap.RULES not in place.caps:
        return False
    shown = {each.version: each.standing for each in observed.variants}
    told = False
    for each in revision.variants.all():
        standing, why = standing_of(revision, each)
        known = shown.get(each.version.label)
        if known is not None and known != standing:
            tell_approval(revision, variant=each, place=place, standing=standing, why=why, actor=CLOCK)
            told = True
    return told


def standing_of(revision: Revision, variant: Variant) -> tuple[str, str]:
    """How the approval of a variant stands by the rule that every use is asked by, and the reason where it fell."""
    why = queries.why_not_served(revision.deployment, variant.version, variant.artifact_sha256, variant.role)
    if why is None:
        return VALID, ""
    granted = Approval.objects.get(pk=variant.approval_id)
    # it may stand by its state and still carry nothing: a signature counts no longer, or its day is over
    return STANDINGS.get(ApprovalState(granted.status), "suspended"), why


@audited("deployment.tell_approval", "told {place} that the approval of {version} is {standing}: {follows}")
def tell_approval(
    revision: Revision, *, variant: Variant, place: Connector, standing: str, why: str, actor: Actor
) -> Revision:
    """Let the rules of the endpoint do what they say follows when an approval falls, or holds again."""
    rules = queries.rules_of(revision)
    follows = OnWithdrawn(rules.on_withdrawn).label if standing != VALID else "it answers as before"
    describe(
        place=revision.deployment.target.name, version=variant.version.label, standing=standing, follows=follows, why=why,
        approval=str(variant.approval_id),
    )  # fmt: skip
    now = timezone.now()
    key = f"{variant.approval_id}:{standing}:{now.isoformat()}"
    place.tell_approval(str(variant.approval_id), standing, at=now, reason=why, op=Op(id=key, idempotency_key=key))
    return revision
