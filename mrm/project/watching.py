"""What time does to requests, approvals and deployments, in the order in which one follows from the other."""

from mrm.approval import services as approval
from mrm.deployment import services as deployment
from mrm.entitlement import services as entitlement
from mrm.signoff import services as signoff


def watch_all() -> dict[str, int]:
    """How many requests were settled and escalated, access revoked, and approvals and deployments marked. It may run more than once."""
    return {
        "settled": signoff.settle_due(),
        "escalated": signoff.escalate_overdue(),
        "access": entitlement.watch(),
        "approvals": approval.watch(),
        "deployments": deployment.watch(),
    }
