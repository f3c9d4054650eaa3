"""Named reads of policies, requests, and who may sign."""

from mrm.signoff.queries.fold import (
    current_digest,
    gates,
    history,
    in_order,
    parties,
    role_used,
    signer,
    verdict,
    why_not,
)
from mrm.signoff.queries.queue import Group, Row, grouped, queue, waiting_for
from mrm.signoff.queries.records import open_requests, policies, policy_bytes, policy_for, visible_to
from mrm.signoff.queries.sheet import Sheet, asked_by_others, default_due, rules, sheet
from mrm.signoff.queries.signers import Candidate, blocked, candidates
from mrm.signoff.queries.waiting import waiting_count

__all__ = [
    "Candidate",
    "Group",
    "Row",
    "Sheet",
    "asked_by_others",
    "blocked",
    "candidates",
    "current_digest",
    "default_due",
    "gates",
    "grouped",
    "history",
    "in_order",
    "open_requests",
    "parties",
    "policies",
    "policy_bytes",
    "policy_for",
    "queue",
    "role_used",
    "rules",
    "sheet",
    "signer",
    "verdict",
    "visible_to",
    "waiting_count",
    "waiting_for",
    "why_not",
]
