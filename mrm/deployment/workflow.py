"""The states of a revision, of an attempt to apply it, and of an incident."""

from django.db import models

from mrm.core.workflow import Move, Workflow
from mrm.deployment import policies


class RevisionState(models.TextChoices):
    AWAITING = "awaiting", "Waits for signatures"
    PENDING = "pending", "Being applied"
    APPLIED = "applied", "Applied and verified"
    FAILED = "failed", "Failed"
    SUPERSEDED = "superseded", "Superseded"
    REFUSED = "refused", "Not released"


_R = RevisionState
FLOW = Workflow(
    "deployment",
    Move("release", (_R.AWAITING,), _R.PENDING),
    Move("refuse", (_R.AWAITING,), _R.REFUSED),
    Move("apply", (_R.PENDING,), _R.APPLIED),
    Move("fail", (_R.PENDING,), _R.FAILED),
    Move("supersede", (_R.AWAITING, _R.PENDING, _R.APPLIED), _R.SUPERSEDED),
)


class OperationState(models.TextChoices):
    SENT = "sent", "Sent"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Outcome unknown"


_O = OperationState
OPERATIONS = Workflow(
    "deployment",
    Move("note_done", (_O.SENT,), _O.DONE),
    Move("note_failed", (_O.SENT,), _O.FAILED),
    Move("note_unknown", (_O.SENT,), _O.UNKNOWN),
)


class IncidentState(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


INCIDENTS = Workflow(
    "deployment",
    Move(
        "close_incident",
        (IncidentState.OPEN,),
        IncidentState.CLOSED,
        (policies.over, policies.reviewed_by_another),
        label="Close",
    ),
)
