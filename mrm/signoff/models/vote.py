import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.access.models import Account, Method, Person
from mrm.audit.models import Governed, Place
from mrm.signoff.models.request import Request


class Decision(models.TextChoices):
    APPROVE = "approve", "Approve"
    CONDITIONS = "approve_with_conditions", "Approve with conditions"
    RETURN = "return", "Return"
    REJECT = "reject", "Reject"
    WITHDRAW = "withdraw_vote", "Withdraw my vote"


class Vote(Governed):
    """One signature: who, in which role, what, with which words, over which digest. Never changed."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="votes")
    person = models.ForeignKey(Person, models.PROTECT, related_name="votes")
    account = models.ForeignKey(Account, models.PROTECT, related_name="votes")
    role = models.CharField(max_length=20)
    # every role in which it was signed, of which `role` is the one that was named to the signer
    roles = models.JSONField(default=list)
    unit_path = models.CharField(max_length=500)
    principal = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="votes_by_delegates")
    decision = models.CharField(max_length=24, choices=Decision)
    rationale = models.TextField()
    conditions = models.JSONField(default=list)
    subject_digest = models.CharField(max_length=64)
    printed_name = models.CharField(max_length=120)
    meaning = models.TextField()
    statement = models.TextField()
    statement_digest = models.CharField(max_length=64)
    method = models.CharField(max_length=20, choices=Method)
    # what a security key answered to the statement, so that an outsider can verify it without trusting us
    evidence = models.JSONField(default=dict)
    signed_at = models.DateTimeField(default=timezone.now)

    # where the signature stands in the log: set by reads that show it
    place: Place | None = None

    class Meta:
        ordering = ["signed_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(decision__in=Decision.values), name="vote_decision"),
            models.CheckConstraint(condition=~Q(rationale=""), name="vote_rationale"),
            models.CheckConstraint(condition=Q(method__in=Method.values), name="vote_method"),
            models.CheckConstraint(
                condition=Q(method=Method.WEBAUTHN) & ~Q(evidence={}) | ~Q(method=Method.WEBAUTHN) & Q(evidence={}),
                name="vote_evidence",
            ),
            models.CheckConstraint(
                condition=Q(principal=None) | ~Q(principal=models.F("person")), name="vote_delegate_is_another"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_decision_display()} by {self.printed_name}"

    @property
    def audit_person(self) -> str:
        return str(self.person_id)

    @property
    def stated(self) -> list[dict[str, Any]]:
        """The conditions with their due day as a date, for a page."""
        return dated(self.conditions)

    @property
    def audit_object(self) -> models.Model:
        return self.request.audit_object


def dated(conditions: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Conditions as signed, with the due day as a date."""
    return [{**condition, "due": dt.date.fromisoformat(condition["due"])} for condition in conditions]
