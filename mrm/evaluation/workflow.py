"""The states of a run, of a comparison, of a conversion, and of the permission to run a pickle; the outcomes of an inspection."""

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

COMPARISON = Workflow(
    "evaluation",
    Move("complete_comparison", (_R.QUEUED,), _R.DONE),
    Move("fail_comparison", (_R.QUEUED,), _R.FAILED),
    Move("cancel_comparison", (_R.QUEUED,), _R.CANCELLED, label="Cancel"),
)


CONVERSION = Workflow(
    "evaluation",
    Move("complete_conversion", (_R.QUEUED,), _R.DONE),
    Move("fail_conversion", (_R.QUEUED,), _R.FAILED),
)


class PermissionState(models.TextChoices):
    SCANNING = "scanning", "Being scanned"
    GRANTED = "granted", "Granted"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"


_P = PermissionState
PERMISSION = Workflow(
    "evaluation",
    Move("grant", (_P.SCANNING,), _P.GRANTED),
    Move("refuse", (_P.SCANNING,), _P.REFUSED),
    Move("withdraw_permission", (_P.GRANTED,), _P.WITHDRAWN, label="Withdraw the permission"),
)


class InspectionOutcome(models.TextChoices):
    """What comes of an inspection, which is made once and has no further states."""

    CLEAN = "clean", "Clean"
    FLAGGED = "flagged", "Flagged"
    UNSCANNABLE = "unscannable", "Unscannable"
