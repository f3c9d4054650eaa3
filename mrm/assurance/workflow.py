"""The states of an export."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class ExportState(models.TextChoices):
    QUEUED = "queued", "Queued"
    ISSUED = "issued", "Issued"
    FAILED = "failed", "Failed"


_E = ExportState
FLOW = Workflow(
    "assurance",
    Move("issue", (_E.QUEUED,), _E.ISSUED),
    Move("fail", (_E.QUEUED,), _E.FAILED),
)
