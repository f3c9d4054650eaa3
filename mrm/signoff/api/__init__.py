"""The same sign-off as JSON."""

from mrm.signoff.api.aside import Answer, Delegations, EndDelegation, Escalate, Questions, Recuse
from mrm.signoff.api.proposals import ProposedChanges
from mrm.signoff.api.requests import Comments, One, Requests, Sign, Statement, Withdraw

__all__ = [
    "Answer",
    "Comments",
    "Delegations",
    "EndDelegation",
    "Escalate",
    "One",
    "ProposedChanges",
    "Questions",
    "Recuse",
    "Requests",
    "Sign",
    "Statement",
    "Withdraw",
]
