"""Named reads of proposals and exceptions."""

from mrm.entitlement.queries.exception import exceptions_listed, model_exceptions, person_exceptions
from mrm.entitlement.queries.proposal import (
    ACTION,
    KIND,
    Standing,
    gates,
    policy_admins,
    proposal_door,
    proposal_notes,
    proposal_panel,
    proposals,
    proposals_visible_to,
    request_of,
    standing,
    standings,
    waiting_proposal,
)

__all__ = [
    "ACTION",
    "KIND",
    "Standing",
    "exceptions_listed",
    "gates",
    "model_exceptions",
    "person_exceptions",
    "policy_admins",
    "proposal_door",
    "proposal_notes",
    "proposal_panel",
    "proposals",
    "proposals_visible_to",
    "request_of",
    "standing",
    "standings",
    "waiting_proposal",
]
