import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.access.models import BusinessUnit, Person
from mrm.approval.workflow import STANDING, ApprovalState
from mrm.audit.models import Governed
from mrm.inventory.models import Version
from mrm.signoff.models import Request


class ApprovalKind(models.TextChoices):
    FULL = "full", "Full"
    INTERIM = "interim", "Interim"
    EMERGENCY = "emergency", "Emergency"


class Approval(Governed):
    """The permission to use a version in production, bound to its bytes, until a moment.

    One given in an emergency is reviewed afterwards by somebody who did not open it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, models.PROTECT, related_name="approvals")
    request = models.OneToOneField(Request, models.PROTECT, related_name="approval")
    artifact_sha256 = models.CharField(max_length=64)
    # for which environments, or kinds of them, it was signed; none are named where it was signed for every one
    environments = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    kind = models.CharField(max_length=10, choices=ApprovalKind, default=ApprovalKind.FULL)
    status = models.CharField(max_length=10, choices=ApprovalState, default=ApprovalState.VALID)
    granted_at = models.DateTimeField(default=timezone.now)
    valid_until = models.DateField()
    expires_at = models.DateTimeField()
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_because = models.TextField(blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="reviewed_approvals")
    review = models.TextField(blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-granted_at"]
        constraints = [
            models.UniqueConstraint(fields=["version"], condition=Q(status__in=STANDING), name="approval_one_standing"),
            models.CheckConstraint(condition=Q(status__in=ApprovalState.values), name="approval_state"),
            models.CheckConstraint(condition=Q(kind__in=ApprovalKind.values), name="approval_kind"),
            models.CheckConstraint(
                condition=Q(status__in=STANDING, ended_at=None) | ~Q(status__in=STANDING) & Q(ended_at__isnull=False),
                name="approval_ended_when",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at=None, reviewed_by=None, review="")
                | Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~Q(review=""),
                name="approval_reviewed_by",
            ),
        ]

    def __str__(self) -> str:
        return f"approval of {self.version}"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model

    @property
    def approved_for(self) -> str:
        """The environments in the words that were signed."""
        return ", ".join(self.request.terms.get("environments", {}).values()) or "every environment"


class Condition(Governed):
    """What must be done, by whom, by when and shown how, for the approval to stay in force."""

    approval = models.ForeignKey(Approval, models.PROTECT, related_name="conditions")
    text = models.TextField()
    gate = models.CharField(max_length=40, blank=True)
    owner = models.ForeignKey(Person, models.PROTECT, related_name="conditions")
    due = models.DateField()
    evidence = models.TextField()
    asked_by = models.CharField(max_length=200)
    met_on = models.DateField(null=True, blank=True)
    met_note = models.TextField(blank=True)
    met_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="accepted_conditions")

    class Meta:
        ordering = ["due", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(met_on=None, met_by=None) | Q(met_on__isnull=False, met_by__isnull=False),
                name="condition_met_by",
            ),
            models.CheckConstraint(
                condition=Q(met_by=None) | ~Q(met_by=models.F("owner")), name="condition_met_by_another"
            ),
        ]

    def __str__(self) -> str:
        return self.text

    @property
    def unit(self) -> BusinessUnit:
        return self.approval.unit

    @property
    def audit_object(self) -> models.Model:
        return self.approval.audit_object
