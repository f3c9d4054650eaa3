import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.models import Governed
from mrm.deployment.models.revision import Deployment, Revision
from mrm.deployment.policies.drift import Kind, Severity
from mrm.deployment.workflow import IncidentState, OperationState

PURPOSES = [
    ("apply", "Apply"), ("heal", "Heal"), ("stop", "Take out"), ("undo", "Take back"), ("fail_back", "Send back"),
]  # fmt: skip


class Operation(Governed):
    """One attempt to change a place, written before anything is sent: a crash leaves it standing as sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="operations")
    purpose = models.CharField(max_length=10, choices=PURPOSES)
    key = models.CharField(max_length=120)
    attempt = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=OperationState, default=OperationState.SENT)
    before = models.CharField(max_length=64)
    after = models.CharField(max_length=64, blank=True)
    sent_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["-sent_at"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "purpose", "attempt"], name="operation_attempt"),
            models.UniqueConstraint(
                fields=["revision"], condition=Q(status=OperationState.SENT), name="operation_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(status__in=OperationState.values), name="operation_state"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt} at {self.revision}"

    @property
    def unit(self) -> BusinessUnit:
        return self.revision.deployment.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.revision.deployment.model


class Incident(Governed):
    """Something at a serving place that must be looked into; it stays open until somebody says what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="incidents")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=Kind)
    severity = models.CharField(max_length=10, choices=Severity)
    sentence = models.TextField()
    status = models.CharField(max_length=10, choices=IncidentState, default=IncidentState.OPEN)
    revision = models.ForeignKey(Revision, models.PROTECT, null=True, blank=True, related_name="incidents")
    seen = models.JSONField(default=dict)
    opened_at = models.DateTimeField(default=timezone.now)
    cause = models.TextField(blank=True)
    explained_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="explained_incidents")
    resolution = models.TextField(blank=True)
    closed_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="closed_incidents")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="incident_number"),
            models.UniqueConstraint(
                fields=["deployment", "kind"], condition=Q(status=IncidentState.OPEN), name="incident_one_open"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="incident_kind"),
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="incident_severity"),
            models.CheckConstraint(
                condition=Q(status=IncidentState.OPEN, closed_at=None, closed_by=None)
                | Q(status=IncidentState.CLOSED, closed_at__isnull=False, closed_by__isnull=False) & ~Q(resolution=""),
                name="incident_closed_with_a_resolution",
            ),
        ]

    def __str__(self) -> str:
        return f"incident {self.number} at {self.deployment}"

    def get_absolute_url(self) -> str:
        return reverse("deployment:incident", args=[self.pk])

    @property
    def unit(self) -> BusinessUnit:
        return self.deployment.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.deployment.model


class Look(models.Model):
    """When a deployment was looked at last, and how often in a row it could not be."""

    deployment = models.OneToOneField(Deployment, models.CASCADE, primary_key=True, related_name="look")
    at = models.DateTimeField(null=True, blank=True)
    due = models.DateTimeField(default=timezone.now)
    unseen = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["due"], name="look_due")]

    def __str__(self) -> str:
        return f"look at {self.deployment}"
