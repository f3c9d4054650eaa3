"""Named reads of approvals, and of the evidence that stands behind a version."""

from mrm.approval.queries.evidence import (
    KINDS,
    MEASURES,
    Evidence,
    clauses,
    evidence_of,
    exceptions_of,
    gates_of,
    judged,
    subject_versions,
    uses,
)
from mrm.approval.queries.panel import SIGNABLE, Panel, last_request, panel, seal
from mrm.approval.queries.parts import parts
from mrm.approval.queries.standing import (
    approvals_of,
    conditions_visible_to,
    last_approval,
    last_approved,
    renewals,
    standing_approval,
    valid_approval,
    verdict_at_use,
    visible_to,
    why_not_in_force,
    why_not_usable,
)

__all__ = [
    "KINDS",
    "MEASURES",
    "SIGNABLE",
    "Evidence",
    "Panel",
    "approvals_of",
    "clauses",
    "conditions_visible_to",
    "evidence_of",
    "exceptions_of",
    "gates_of",
    "judged",
    "last_approval",
    "last_approved",
    "last_request",
    "panel",
    "parts",
    "renewals",
    "seal",
    "standing_approval",
    "subject_versions",
    "uses",
    "valid_approval",
    "verdict_at_use",
    "visible_to",
    "why_not_in_force",
    "why_not_usable",
]
