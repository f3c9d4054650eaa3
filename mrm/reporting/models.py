import uuid

from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.models import Governed
from mrm.evaluation.models import Run
from mrm.inventory.models import Version
from mrm.reporting.workflow import DocumentState


class DocumentKind(models.TextChoices):
    """What a document is about: a version with its whole record, or one run of tests."""

    COMPLIANCE = "compliance", "Compliance report"
    BIAS = "bias", "Bias report"
    EXPLAINABILITY = "explainability", "Explainability report"
    BIAS_SUMMARY = "bias_summary", "Bias audit summary"


class Document(Governed):
    """A report that was asked for and, once issued, never changes: file, digests and what it rests on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("reporting_document_number"), function="nextval")
    )
    kind = models.CharField(max_length=20, choices=DocumentKind, default=DocumentKind.COMPLIANCE)
    version = models.ForeignKey(Version, models.PROTECT, related_name="documents")
    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="documents")
    status = models.CharField(max_length=10, choices=DocumentState, default=DocumentState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="documents")
    requested_at = models.DateTimeField(default=timezone.now)
    issued_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    content_digest = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    attachments = models.JSONField(default=list)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=DocumentState.values), name="document_state"),
            models.CheckConstraint(
                condition=Q(kind=DocumentKind.COMPLIANCE, run=None)
                | (~Q(kind=DocumentKind.COMPLIANCE) & Q(run__isnull=False)),
                name="document_of_a_run_names_it",
            ),
            models.CheckConstraint(
                condition=~Q(status=DocumentState.ISSUED)
                | (~Q(sha256="") & ~Q(content_digest="") & Q(issued_at__isnull=False)),
                name="document_issued_with_digest",
            ),
        ]

    def __str__(self) -> str:
        about = f"{self.run.ref} of " if self.run else ""
        return f"{self.ref}, {self.get_kind_display().lower()} of {about}{self.version}"

    def get_absolute_url(self) -> str:
        return reverse("reporting:document", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"R-{self.requested_at.year}-{self.number:05d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model
