"""Policies, requests, votes and what an area offers to be signed."""

from mrm.signoff.models.policy import Policy
from mrm.signoff.models.request import Comment, Exclusion, Request
from mrm.signoff.models.subject import SUBJECTS, Cell, Change, Gate, GateState, Section, Subject, Survey
from mrm.signoff.models.vote import Decision, Vote, dated
from mrm.signoff.workflow import RequestState

__all__ = [
    "SUBJECTS",
    "Cell",
    "Change",
    "Comment",
    "Decision",
    "Exclusion",
    "Gate",
    "GateState",
    "Policy",
    "Request",
    "RequestState",
    "Section",
    "Subject",
    "Survey",
    "Vote",
    "dated",
]
