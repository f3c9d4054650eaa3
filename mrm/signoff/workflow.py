"""The states of a request."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class RequestState(models.TextChoices):
    OPEN = "open", "Open"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned"
    WITHDRAWN = "withdrawn", "Withdrawn"


_R = RequestState
FLOW = Workflow(
    "signoff",
    Move("be_approved", (_R.OPEN,), _R.APPROVED),
    Move("be_rejected", (_R.OPEN,), _R.REJECTED),
    Move("be_returned", (_R.OPEN,), _R.RETURNED),
    Move("be_withdrawn", (_R.OPEN,), _R.WITHDRAWN),
)
