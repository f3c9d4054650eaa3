"""The states of an approval."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class ApprovalState(models.TextChoices):
    VALID = "valid", "Valid"
    SUSPENDED = "suspended", "Suspended"
    EXPIRED = "expired", "Expired"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REPLACED = "replaced", "Replaced"


_A = ApprovalState
STANDING = (_A.VALID, _A.SUSPENDED)
FLOW = Workflow(
    "approval",
    Move("suspend", (_A.VALID,), _A.SUSPENDED),
    Move("resume", (_A.SUSPENDED,), _A.VALID),
    Move("expire", STANDING, _A.EXPIRED),
    Move("withdraw", STANDING, _A.WITHDRAWN),
    Move("replace", STANDING, _A.REPLACED),
)
