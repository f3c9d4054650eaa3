"""The states of a revision."""

from django.db import models

from mrm.core.workflow import Move, Workflow


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
