"""Propose a role that signs and grant what was signed for; review who holds what, and attest it."""

from mrm.entitlement.services.proposal import RoleSubject, propose, take_effect
from mrm.entitlement.services.review import (
    attest,
    complete,
    compose,
    confirm,
    let_lapse,
    name_substitute,
    open_review,
    revoke,
    revoke_overdue,
    watch,
)

__all__ = [
    "RoleSubject",
    "attest",
    "complete",
    "compose",
    "confirm",
    "let_lapse",
    "name_substitute",
    "open_review",
    "propose",
    "revoke",
    "revoke_overdue",
    "take_effect",
    "watch",
]
