"""The trail: events and the row changes they explain; and the log that makes them verifiable outside."""

from mrm.audit.models.log import Anchor, Checkpoint, Leaf, LogKey, Pending, Subtree
from mrm.audit.models.trail import Change, Event, Governed, Outcome, Undispatched

__all__ = [
    "Anchor",
    "Change",
    "Checkpoint",
    "Event",
    "Governed",
    "Leaf",
    "LogKey",
    "Outcome",
    "Pending",
    "Subtree",
    "Undispatched",
]
