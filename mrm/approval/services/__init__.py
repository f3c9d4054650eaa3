"""Ask for the use of a version, act on the decision, watch over it, and end it."""

from mrm.approval.services.decision import ACTION, grant, reopen, submit, withdraw
from mrm.approval.services.ending import expire, meet_condition, review_emergency, suspend, watch
from mrm.approval.services.exception import PolicyException
from mrm.approval.services.subject import EmergencyUse, InterimUse, VersionUse

__all__ = [
    "ACTION",
    "EmergencyUse",
    "InterimUse",
    "PolicyException",
    "VersionUse",
    "expire",
    "grant",
    "meet_condition",
    "reopen",
    "review_emergency",
    "submit",
    "suspend",
    "watch",
    "withdraw",
]
