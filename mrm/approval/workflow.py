"""The states of an approval."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class ApprovalState(models.TextChoices):
    VALID = "valid", "Valid"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REPLACED = "replaced", "Replaced"


_A = ApprovalState
FLOW = Workflow(
    "approval",
    Move("withdraw", (_A.VALID,), _A.WITHDRAWN),
    Move("replace", (_A.VALID,), _A.REPLACED),
)
