"""What happens beside the votes while a request is open: changes of the subject, recusals, questions, escalations."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.access.models import BusinessUnit, Person
from mrm.audit.models import Governed
from mrm.signoff.models.request import Request


class OfRequest(Governed):
    """A row of a request's course: it belongs to the timeline of the subject."""

    class Meta:
        abstract = True

    request: models.ForeignKey[Request, Request]

    @property
    def unit(self) -> BusinessUnit:
        return self.request.unit

    @property
    def audit_object(self) -> models.Model:
        return self.request.audit_object


class Edit(OfRequest):
    """The subject was changed in what is not material: what it is from then on. Votes before stay."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="edits")
    at = models.DateTimeField(default=timezone.now)
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    fields = models.JSONField(default=list)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"change of {', '.join(self.fields)} in {self.request.ref}"


class Recusal(OfRequest):
    """Somebody declares that he is no independent judge of this request. It is not taken back."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="recusals")
    person = models.ForeignKey(Person, models.PROTECT, related_name="recusals")
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["request", "person"], name="recusal_once")]

    def __str__(self) -> str:
        return f"recusal from {self.request.ref}"


class Question(OfRequest):
    """Information that a signer asks of those behind the request; the clock stands still until it is given."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="questions")
    person = models.ForeignKey(Person, models.PROTECT, related_name="questions_asked")
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)
    answer = models.TextField(blank=True)
    answered_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="questions_answered")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at=None, answered_by=None, answer="")
                | Q(answered_at__isnull=False, answered_by__isnull=False) & ~Q(answer=""),
                name="question_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"question on {self.request.ref}"


class Escalation(OfRequest):
    """An overdue stage asks further people; how many must sign stays as it was."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="escalations")
    stage = models.CharField(max_length=60)
    role = models.CharField(max_length=20)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["request", "stage"], name="escalation_once")]

    def __str__(self) -> str:
        return f"escalation of {self.request.ref}"
