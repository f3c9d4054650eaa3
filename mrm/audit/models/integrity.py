"""What came of comparing the live rows with the log, and the ground that the trail stands on."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.audit.models.trail import Governed


class Replay(Governed):
    """One comparison of everything that is live with what the log says. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(default=timezone.now)
    seconds = models.PositiveIntegerField()
    events = models.BigIntegerField()
    changes = models.BigIntegerField()
    rows = models.BigIntegerField()
    tables = models.PositiveIntegerField()
    differences = models.PositiveIntegerField()
    complete = models.BooleanField()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"comparison of {self.at:%Y-%m-%d %H:%M} UTC"


class FindingKind(models.TextChoices):
    ROW = "row", "A row is not as the log says"
    CHANGE = "change", "A row change is not as its event says"
    EVENT = "event", "An event is not as its bytes say"
    CHAIN = "chain", "The order of the events has a gap"
    GROUND = "ground", "What guards the trail was changed"


class FindingStatus(models.TextChoices):
    OPEN = "open", "Open"
    EXPLAINED = "explained", "Explained"


class IntegrityFinding(Governed):
    """One difference between what is and what the log says; it is explained, and never deleted."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=FindingKind)
    table = models.CharField(max_length=80, blank=True)
    row = models.CharField(max_length=120, blank=True)
    field = models.CharField(max_length=200, blank=True)
    expected = models.TextField(blank=True)
    found = models.TextField(blank=True)
    # not a foreign key: the event may be what is missing
    last_event = models.UUIDField(null=True, blank=True)
    fingerprint = models.CharField(max_length=64)
    opened_at = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=FindingStatus, default=FindingStatus.OPEN)
    explanation = models.TextField(blank=True)
    explained_by = models.CharField(max_length=200, blank=True)
    explained_person = models.CharField(max_length=40, blank=True)
    explained_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at", "table", "row", "field"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FindingKind.values), name="integrity_kind"),
            models.CheckConstraint(
                condition=Q(status=FindingStatus.OPEN, explained_at__isnull=True, explanation="")
                | Q(status=FindingStatus.EXPLAINED, explained_at__isnull=False) & ~Q(explanation=""),
                name="integrity_explained",
            ),
            models.UniqueConstraint(
                fields=["fingerprint"], condition=Q(gone_at__isnull=True), name="integrity_opened_once"
            ),
        ]

    def __str__(self) -> str:
        return " ".join(part for part in (self.table, self.row, self.field) if part) or str(self.get_kind_display())

    def get_absolute_url(self) -> str:
        return f"{reverse('audit:findings')}#finding-{self.pk}"

    @property
    def is_open(self) -> bool:
        return self.status == FindingStatus.OPEN


class Ground(Governed):
    """What guards the trail in the database, by name: triggers, functions, owners, grants, roles. Written once.

    A new row is written when something differs from the row before; `migrations` names those that changed it.
    """

    at = models.DateTimeField(default=timezone.now)
    state = models.JSONField()
    digest = models.CharField(max_length=64)
    migrations = models.JSONField(default=list)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"ground {self.digest[:12]}"


class SchemaChange(models.Model):
    """A command that changed a table, a trigger, a function or a grant; an event trigger writes it."""

    at = models.DateTimeField()
    who = models.CharField(max_length=80)
    command = models.CharField(max_length=80)
    kind = models.CharField(max_length=80)
    target = models.CharField(max_length=300)

    class Meta:
        db_table = "audit_ddl"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.command} {self.target}"
