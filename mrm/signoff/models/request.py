import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Person
from mrm.audit.models import Governed
from mrm.signoff.models.policy import Policy
from mrm.signoff.models.subject import SUBJECTS
from mrm.signoff.workflow import RequestState


class Request(Governed):
    """A question put to the signers: pinned to a policy version and to the digest of its subject."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("signoff_request_number"), function="nextval")
    )
    policy = models.ForeignKey(Policy, models.PROTECT, related_name="requests")
    action = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=60)
    subject_key = models.CharField(max_length=40)
    subject_label = models.CharField(max_length=200)
    subject_digest = models.CharField(max_length=64)
    subject_content = models.JSONField()
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="requests")
    tier = models.CharField(max_length=1, blank=True)
    status = models.CharField(max_length=12, choices=RequestState, default=RequestState.OPEN)
    submitted_by = models.ForeignKey(Account, models.PROTECT, related_name="requests")
    submitted_at = models.DateTimeField(default=timezone.now)
    note = models.TextField(blank=True)
    # what the answer is asked for, in codes and words by heading; each statement repeats it, and it is written once
    terms = models.JSONField(default=dict, blank=True)
    due = models.DateField()
    # the roles whose signature is waited for: written down with each step, so that a list finds it without judging all
    open_roles = ArrayField(models.CharField(max_length=20), default=list)
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due", "tier", "number"]
        indexes = [
            models.Index(fields=["status", "due"], name="request_queue"),
            models.Index(
                fields=["due", "tier", "number"], condition=Q(status=RequestState.OPEN), name="request_open_queue"
            ),
            models.Index(fields=["subject_kind", "subject_key"], name="request_subject"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_key", "action"],
                condition=Q(status=RequestState.OPEN),
                name="request_one_open",
            ),
            models.CheckConstraint(condition=Q(status__in=RequestState.values), name="request_state"),
            models.CheckConstraint(
                condition=Q(status=RequestState.OPEN, decided_at=None)
                | ~Q(status=RequestState.OPEN) & Q(decided_at__isnull=False),
                name="request_decided_when",
            ),
        ]

    def __str__(self) -> str:
        return f"REQ-{self.number}: {self.subject_label}"

    def get_absolute_url(self) -> str:
        return reverse("signoff:request", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"REQ-{self.number}"

    @property
    def audit_object(self) -> models.Model:
        record = SUBJECTS[self.subject_kind].find(self.subject_key)
        found: models.Model = getattr(record, "audit_object", record)
        return found

    @property
    def days_left(self) -> int:
        return (self.due - timezone.localdate()).days


class Exclusion(Governed):
    """A person who may not sign a request, and why; the database refuses his vote."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="exclusions")
    person = models.ForeignKey(Person, models.PROTECT, related_name="exclusions")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "person"], name="exclusion_once")]

    def __str__(self) -> str:
        return f"{self.person} {self.reason}"

    @property
    def audit_person(self) -> str:
        return str(self.person_id)

    @property
    def audit_object(self) -> models.Model:
        return self.request.audit_object


class Comment(Governed):
    """A word in the discussion of a request; kept, never edited."""

    request = models.ForeignKey(Request, models.PROTECT, related_name="comments")
    person = models.ForeignKey(Person, models.PROTECT, related_name="comments")
    section = models.CharField(max_length=80, blank=True)
    text = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["at"]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def audit_object(self) -> models.Model:
        return self.request.audit_object
