"""Policies, requests, votes and what an area offers to be signed."""

from mrm.signoff.models.course import Edit, Escalation, Question, Recusal
from mrm.signoff.models.delegation import Delegation
from mrm.signoff.models.policy import Policy
from mrm.signoff.models.proposal import Proposal, open_request
from mrm.signoff.models.request import Comment, Exclusion, Request
from mrm.signoff.models.subject import (
    SUBJECTS,
    Cell,
    Change,
    Gate,
    GateState,
    Involved,
    PlainSubject,
    Section,
    Subject,
    Survey,
    add_part,
)
from mrm.signoff.models.vote import Decision, Vote, dated
from mrm.signoff.workflow import RequestState

__all__ = [
    "SUBJECTS",
    "Cell",
    "Change",
    "Comment",
    "Decision",
    "Delegation",
    "Edit",
    "Escalation",
    "Exclusion",
    "Gate",
    "GateState",
    "Involved",
    "PlainSubject",
    "Policy",
    "Proposal",
    "Question",
    "Recusal",
    "Request",
    "RequestState",
    "Section",
    "Subject",
    "Survey",
    "Vote",
    "add_part",
    "dated",
    "open_request",
]
