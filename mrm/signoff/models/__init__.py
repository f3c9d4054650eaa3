"""Policies, requests, votes and what an area offers to be signed."""

from mrm.signoff.models.policy import Policy
from mrm.signoff.models.request import Comment, Exclusion, Request, RequestState
from mrm.signoff.models.subject import SUBJECTS, Change, Gate, GateState, Subject
from mrm.signoff.models.vote import Decision, Vote

__all__ = [
    "SUBJECTS",
    "Change",
    "Comment",
    "Decision",
    "Exclusion",
    "Gate",
    "GateState",
    "Policy",
    "Request",
    "RequestState",
    "Subject",
    "Vote",
]
