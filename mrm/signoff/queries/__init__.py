"""Named reads of policies, requests, and who may sign."""

from mrm.signoff.queries.fold import (
    roles_used,
    stand_ins,
    verdict,
    verdict_at_use,
    why_not,
)
from mrm.signoff.queries.ground import Ground, Judged, ground, history_of, judged_open
from mrm.signoff.queries.listed import number_of, tally, waiting, waiting_count, waiting_numbers
from mrm.signoff.queries.queue import Group, Row, grouped, queue
from mrm.signoff.queries.reading import Reading, in_order, known_content, material
from mrm.signoff.queries.records import (
    covering,
    decided_requests,
    delegations_of,
    open_proposal,
    open_requests,
    policies,
    policy_bytes,
    policy_covering,
    policy_for,
    proposals_visible_to,
    proposed_on,
    questions_visible_to,
    staff,
    visible_to,
)
from mrm.signoff.queries.several import MOST_AT_ONCE, Single, chosen, several
from mrm.signoff.queries.sheet import Sheet, asked_by_others, default_due, sheet
from mrm.signoff.queries.signers import Candidate, candidates
from mrm.signoff.queries.trial import Trial, past_requests, trial
from mrm.signoff.queries.ways import ways

__all__ = [
    "MOST_AT_ONCE",
    "Candidate",
    "Ground",
    "Group",
    "Judged",
    "Reading",
    "Row",
    "Sheet",
    "Single",
    "Trial",
    "asked_by_others",
    "candidates",
    "chosen",
    "covering",
    "decided_requests",
    "default_due",
    "delegations_of",
    "ground",
    "grouped",
    "history_of",
    "in_order",
    "judged_open",
    "known_content",
    "material",
    "number_of",
    "open_proposal",
    "open_requests",
    "past_requests",
    "policies",
    "policy_bytes",
    "policy_covering",
    "policy_for",
    "proposals_visible_to",
    "proposed_on",
    "questions_visible_to",
    "queue",
    "roles_used",
    "several",
    "sheet",
    "staff",
    "stand_ins",
    "tally",
    "trial",
    "verdict",
    "verdict_at_use",
    "visible_to",
    "waiting",
    "waiting_count",
    "waiting_numbers",
    "ways",
    "why_not",
]
