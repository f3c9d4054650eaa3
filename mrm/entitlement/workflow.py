"""The states of an access review, and of each thing that is reviewed."""

from django.db import models

from mrm.core.workflow import Move, Workflow


class ReviewState(models.TextChoices):
    OPEN = "open", "Open"
    COMPLETED = "completed", "Completed"


class Outcome(models.TextChoices):
    PENDING = "pending", "Not reviewed"
    CONFIRMED = "confirmed", "Confirmed"
    REVOKED = "revoked", "Revoked"
    LAPSED = "lapsed", "Ended meanwhile"


REVIEW = Workflow("entitlement", Move("complete_review", (ReviewState.OPEN,), ReviewState.COMPLETED))
ITEM = Workflow(
    "entitlement",
    Move("confirm_access", (Outcome.PENDING,), Outcome.CONFIRMED),
    Move("revoke_access", (Outcome.PENDING,), Outcome.REVOKED),
    Move("let_lapse", (Outcome.PENDING,), Outcome.LAPSED),
    field="outcome",
)
