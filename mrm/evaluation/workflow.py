"""The states of a run."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class RunState(models.TextChoices):
    QUEUED = "queued", "Queued"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


_R = RunState
FLOW = Workflow(
    "evaluation",
    Move("complete", (_R.QUEUED,), _R.DONE),
    Move("fail", (_R.QUEUED,), _R.FAILED),
    Move("cancel", (_R.QUEUED,), _R.CANCELLED),
)
