"""Exports of the log."""

import uuid

from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.assurance.workflow import ExportState
from mrm.audit.export import Scope
from mrm.audit.models import Governed
from mrm.inventory.models import Model


class ScopeKind(models.TextChoices):
    LOG = "log", "The whole log"
    OBJECT = "object", "One model"
    SINCE = "since", "Since an earlier size"


class Export(Governed):
    """A bundle that was asked for and, once issued, never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("assurance_export_number"), function="nextval")
    )
    scope = models.CharField(max_length=10, choices=ScopeKind, default=ScopeKind.LOG)
    model = models.ForeignKey(Model, models.PROTECT, null=True, blank=True, related_name="exports")
    since = models.BigIntegerField(default=0)
    status = models.CharField(max_length=10, choices=ExportState, default=ExportState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="exports")
    requested_at = models.DateTimeField(default=timezone.now)
    issued_at = models.DateTimeField(null=True, blank=True)
    log_size = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ExportState.values), name="export_state"),
            models.CheckConstraint(condition=Q(scope__in=ScopeKind.values), name="export_scope"),
            models.CheckConstraint(
                condition=Q(scope=ScopeKind.OBJECT, model__isnull=False)
                | ~Q(scope=ScopeKind.OBJECT) & Q(model__isnull=True),
                name="export_of_a_model",
            ),
            models.CheckConstraint(
                condition=~Q(status=ExportState.ISSUED) | (~Q(sha256="") & Q(issued_at__isnull=False)),
                name="export_issued_with_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}, {self.what}"

    def get_absolute_url(self) -> str:
        return reverse("assurance:export", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"X-{self.requested_at.year}-{self.number:05d}"

    @property
    def what(self) -> str:
        if self.scope == ScopeKind.OBJECT:
            return f"the log of {self.model}"
        return f"the log since size {self.since}" if self.scope == ScopeKind.SINCE else "the whole log"

    @property
    def unit(self) -> BusinessUnit | None:
        """A model's export belongs to its unit; all others to the whole institution."""
        return self.model.unit if self.model else None

    @property
    def bundle_scope(self) -> Scope:
        if self.model is not None:
            return Scope.of_object(Model._meta.label_lower, str(self.model_id))
        return Scope.after(self.since) if self.scope == ScopeKind.SINCE else Scope()
