"""Named reads of proposals."""

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
    "gates",
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
