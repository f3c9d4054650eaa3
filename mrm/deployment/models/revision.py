import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Method
from mrm.approval.models import Approval
from mrm.audit.models import Governed, Place
from mrm.deployment.models.environment import Target
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Model, Version


class Sync(models.TextChoices):
    IN_SYNC = "in_sync", "In step"
    APPLYING = "applying", "Being applied"
    DRIFTED = "drifted", "Differs"
    UNKNOWN = "unknown", "Unknown"


class Health(models.TextChoices):
    HEALTHY = "healthy", "Healthy"
    DEGRADED = "degraded", "Degraded"
    DOWN = "down", "Down"
    UNKNOWN = "unknown", "Unknown"


class Deployment(Governed):
    """One endpoint of one model at one place: what is wanted there, and what was last seen."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(Model, models.PROTECT, related_name="deployments")
    target = models.ForeignKey(Target, models.PROTECT, related_name="deployments")
    endpoint = models.SlugField(max_length=100)
    sync = models.CharField(max_length=10, choices=Sync, default=Sync.UNKNOWN)
    health = models.CharField(max_length=10, choices=Health, default=Health.UNKNOWN)
    observed = models.JSONField(default=dict)
    observed_at = models.DateTimeField(null=True, blank=True)
    drift = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["model__number", "target__name"]
        constraints = [
            models.UniqueConstraint(fields=["target", "endpoint"], name="deployment_endpoint"),
            models.CheckConstraint(condition=Q(sync__in=Sync.values), name="deployment_sync"),
            models.CheckConstraint(condition=Q(health__in=Health.values), name="deployment_health"),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} at {self.target.name}"

    def get_absolute_url(self) -> str:
        return reverse("deployment:deployment", args=[self.pk])

    @property
    def unit(self) -> BusinessUnit:
        return self.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.model


class RevisionKind(models.TextChoices):
    DEPLOY = "deploy", "Deployment"
    ROLLBACK = "rollback", "Rollback"
    FAILOVER = "failover", "Fail-over"
    STOP = "stop", "Taken out"


class Revision(Governed):
    """What is wanted from one moment on. A rollback is older content under a new number.

    What serves stands in its variants, of which the champion stands here too. The shares of a canary are registered
    with its first revision; each later step is a revision of its own that names the first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=RevisionKind)
    version = models.ForeignKey(Version, models.PROTECT, null=True, blank=True, related_name="revisions")
    approval = models.ForeignKey(Approval, models.PROTECT, null=True, blank=True, related_name="revisions")
    artifact_sha256 = models.CharField(max_length=64, blank=True)
    # by which field of a request a unit is assigned to its version, and what that assignment is salted with
    unit_field = models.CharField(max_length=60, blank=True)
    salt = models.CharField(max_length=32, blank=True)
    # by which rules it serves, as the gateway is told them; empty is as usual
    rules = models.JSONField(default=dict, blank=True)
    variant_count = models.PositiveIntegerField(default=0)
    steps = models.JSONField(default=list, blank=True)
    canary = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="later_steps")
    step = models.PositiveIntegerField(null=True, blank=True)
    restores = models.PositiveIntegerField(null=True, blank=True)
    emergency = models.BooleanField(default=False)
    planned_on = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=RevisionState, default=RevisionState.PENDING)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="revisions")
    requested_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    verification = models.JSONField(default=dict)
    # the signature of whoever took the model out: what was read, and how it was confirmed
    statement = models.TextField(blank=True)
    statement_digest = models.CharField(max_length=64, blank=True)
    method = models.CharField(max_length=20, choices=Method, blank=True)
    evidence = models.JSONField(default=dict, blank=True)

    # where its verification stands in the log: set by reads that show it
    place: Place | None = None

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="revision_number"),
            models.UniqueConstraint(
                fields=["deployment"], condition=Q(status=RevisionState.PENDING), name="revision_one_pending"
            ),
            models.UniqueConstraint(
                fields=["deployment"], condition=Q(status=RevisionState.APPLIED), name="revision_one_applied"
            ),
            models.CheckConstraint(
                condition=Q(kind=RevisionKind.STOP, variant_count=0)
                | Q(version__isnull=False, approval__isnull=False, variant_count__gt=0) & ~Q(artifact_sha256=""),
                name="revision_is_approved",
            ),
            models.CheckConstraint(condition=Q(status__in=RevisionState.values), name="revision_state"),
            models.CheckConstraint(
                condition=Q(emergency=False) & ~Q(kind=RevisionKind.FAILOVER)
                | Q(emergency=True, kind__in=[RevisionKind.ROLLBACK, RevisionKind.FAILOVER], restores__isnull=False)
                & ~Q(reason=""),
                name="revision_emergency_goes_back",
            ),
            models.CheckConstraint(
                condition=Q(kind=RevisionKind.STOP)
                & ~Q(reason="")
                & ~Q(statement="")
                & ~Q(statement_digest="")
                & ~Q(method="")
                | ~Q(kind=RevisionKind.STOP) & Q(statement="", statement_digest="", method="", evidence={}),
                name="revision_stop_is_signed",
            ),
            models.CheckConstraint(
                condition=Q(step=None, steps=[], canary=None)
                | Q(step=1, canary=None) & ~Q(steps=[])
                | Q(step__gt=1, canary__isnull=False) & ~Q(steps=[]),
                name="revision_canary_step",
            ),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.deployment}"

    def proof_of(self, label: str) -> dict[str, Any]:
        """What was verified of one of its versions: the champion's proof is that of the revision."""
        proofs: dict[str, dict[str, Any]] = {"": self.verification, **self.verification.get("others", {})}
        return proofs.get(label, proofs[""])

    @property
    def unit(self) -> BusinessUnit:
        return self.deployment.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.deployment.model
