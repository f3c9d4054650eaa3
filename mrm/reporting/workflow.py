"""The states of a document."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class DocumentState(models.TextChoices):
    QUEUED = "queued", "Queued"
    ISSUED = "issued", "Issued"
    FAILED = "failed", "Failed"


_D = DocumentState
FLOW = Workflow(
    "reporting",
    Move("issue", (_D.QUEUED,), _D.ISSUED),
    Move("fail", (_D.QUEUED,), _D.FAILED),
)
