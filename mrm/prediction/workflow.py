"""The states of an alert and of an extract."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class AlertState(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class ExtractState(models.TextChoices):
    QUEUED = "queued", "Queued"
    ISSUED = "issued", "Issued"
    FAILED = "failed", "Failed"


ALERTS = Workflow("prediction", Move("close_alert", (AlertState.OPEN,), AlertState.CLOSED))
EXTRACTS = Workflow(
    "prediction",
    Move("issue_extract", (ExtractState.QUEUED,), ExtractState.ISSUED),
    Move("fail_extract", (ExtractState.QUEUED,), ExtractState.FAILED),
)
