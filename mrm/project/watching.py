"""What time does to requests, approvals and deployments, in the order in which one follows from the other."""

from mrm.approval import services as approval
from mrm.deployment import services as deployment
from mrm.entitlement import services as entitlement
from mrm.signoff import services as signoff
from mrm.validation import services as validation


def watch_all() -> dict[str, int]:
    """How many requests were settled and escalated, access revoked, and approvals and deployments marked. It may run more than once."""
    return {
        "settled": signoff.settle_due(),
        "looked_again": signoff.look_again_at_all(),
        "escalated": signoff.escalate_overdue(),
        "findings": validation.watch(),
        "access": entitlement.watch(),
        "approvals": approval.watch(),
        "deployments": deployment.watch(),
    }
