"""The states of a revision."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class RevisionState(models.TextChoices):
    PENDING = "pending", "Being applied"
    APPLIED = "applied", "Applied and verified"
    FAILED = "failed", "Failed"
    SUPERSEDED = "superseded", "Superseded"


_R = RevisionState
FLOW = Workflow(
    "deployment",
    Move("apply", (_R.PENDING,), _R.APPLIED),
    Move("fail", (_R.PENDING,), _R.FAILED),
    Move("supersede", (_R.PENDING, _R.APPLIED), _R.SUPERSEDED),
)
