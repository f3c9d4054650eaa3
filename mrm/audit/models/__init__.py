"""The trail: events and the row changes they explain; and the log that makes them verifiable outside."""

from mrm.audit.models.anchoring import AnchorState
from mrm.audit.models.integrity import FindingKind, FindingStatus, Ground, IntegrityFinding, Replay, SchemaChange
from mrm.audit.models.log import Anchor, Checkpoint, Leaf, LogKey, Pending, Place, Subtree
from mrm.audit.models.personal import Disclosure, PersonalKey
from mrm.audit.models.trail import Change, Event, Governed, Outcome, Undispatched, WordsOf

__all__ = [
    "Anchor",
    "AnchorState",
    "Change",
    "Checkpoint",
    "Disclosure",
    "Event",
    "FindingKind",
    "FindingStatus",
    "Governed",
    "Ground",
    "IntegrityFinding",
    "Leaf",
    "LogKey",
    "Outcome",
    "Pending",
    "PersonalKey",
    "Place",
    "Replay",
    "SchemaChange",
    "Subtree",
    "Undispatched",
    "WordsOf",
]
