"""Ask for the use of a version, act on the decision, and end it."""

from mrm.approval.services.decision import ACTION, grant, meet_condition, reopen, submit, withdraw
from mrm.approval.services.subject import VersionUse

__all__ = ["ACTION", "VersionUse", "grant", "meet_condition", "reopen", "submit", "withdraw"]
