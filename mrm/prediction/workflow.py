"""The states of an alert, of an extract, and of a run that scores a data set; which way such a run goes."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class AlertState(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


class ExtractState(models.TextChoices):
    QUEUED = "queued", "Queued"
    ISSUED = "issued", "Issued"
    FAILED = "failed", "Failed"


class BatchState(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Way(models.TextChoices):
    WORKER = "worker", "A worker"
    BACKEND = "backend", "The place that serves it"


ALERTS = Workflow("prediction", Move("close_alert", (AlertState.OPEN,), AlertState.CLOSED))
EXTRACTS = Workflow(
    "prediction",
    Move("issue_extract", (ExtractState.QUEUED,), ExtractState.ISSUED),
    Move("fail_extract", (ExtractState.QUEUED,), ExtractState.FAILED),
)

_B = BatchState
BATCH = Workflow(
    "prediction",
    Move("begin_batch", (_B.QUEUED,), _B.RUNNING),
    Move("complete_batch", (_B.RUNNING,), _B.DONE),
    Move("fail_batch", (_B.QUEUED, _B.RUNNING), _B.FAILED),
    Move("cancel_batch", (_B.QUEUED, _B.RUNNING), _B.CANCELLED, label="Cancel"),
)
