"""Propose a role that signs and grant what was signed for; review who holds what, and attest it."""

from mrm.entitlement.services.proposal import RoleSubject, propose, take_effect
from mrm.entitlement.services.review import (
    FRESH,
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
    "FRESH",
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
