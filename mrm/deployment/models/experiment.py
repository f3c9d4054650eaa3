import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.approval.models import Approval
from mrm.audit.models import Governed
from mrm.deployment.models.revision import Deployment, Revision
from mrm.inventory.models import Version


class Experiment(Governed):
    """What was registered before anybody looked: the metric, the effect, how many, how often, and when to stop. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="experiments")
    number = models.PositiveIntegerField()
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="experiments")
    metric = models.CharField(max_length=200)
    higher_is_better = models.BooleanField()
    unit_of_assignment = models.CharField(max_length=60)
    salt = models.CharField(max_length=32)
    base_rate = models.FloatField()
    smallest_effect = models.FloatField()
    horizon = models.PositiveIntegerField()
    looks = models.PositiveIntegerField(default=5)
    alpha = models.FloatField(default=0.05)
    power = models.FloatField(default=0.8)
    guardrail_tau = models.FloatField(default=0.01)
    stop_rules = models.TextField()
    registered_by = models.ForeignKey(Account, models.PROTECT, related_name="experiments")
    registered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "number"], name="experiment_number"),
            models.UniqueConstraint(fields=["salt"], name="experiment_salt_is_its_own"),
            models.CheckConstraint(
                condition=Q(
                    base_rate__gt=0, base_rate__lt=1, smallest_effect__gt=0, smallest_effect__lt=1, alpha__gt=0,
                    alpha__lte=0.1, power__gte=0.5, power__lt=1, guardrail_tau__gt=0, looks__gte=1, looks__lte=20,
                    horizon__gte=1,
                ) & ~Q(metric="") & ~Q(unit_of_assignment="") & ~Q(stop_rules=""),
                name="experiment_is_complete",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"experiment {self.number} at {self.deployment}"

    def get_absolute_url(self) -> str:
        return reverse("deployment:experiment", args=[self.pk])

    @property
    def unit(self) -> BusinessUnit:
        return self.deployment.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.deployment.model


class ExperimentArm(Governed):
    """A version under comparison, approved when it was registered; the champion is the control. Written once."""

    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="arms")
    place = models.PositiveIntegerField()
    version = models.ForeignKey(Version, models.PROTECT, related_name="experiment_arms")
    approval = models.ForeignKey(Approval, models.PROTECT, related_name="experiment_arms")
    weight_bp = models.PositiveIntegerField()

    class Meta:
        ordering = ["experiment", "place"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "place"], name="arm_place"),
            models.UniqueConstraint(fields=["experiment", "version"], name="arm_version_once"),
            models.CheckConstraint(condition=Q(weight_bp__gt=0, weight_bp__lte=10_000), name="arm_share"),
        ]

    def __str__(self) -> str:
        return f"{self.version.label} in {self.experiment}"

    @property
    def audit_object(self) -> models.Model:
        return self.experiment.deployment.model


class ReadingKind(models.TextChoices):
    LOOK = "look", "Planned look"
    GUARDRAIL = "guardrail", "Guardrail"


class Reading(Governed):
    """One reading of the outcomes; where the sample ratio is off it is closed, and shows nothing else. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="readings")
    kind = models.CharField(max_length=10, choices=ReadingKind)
    look = models.PositiveIntegerField(null=True, blank=True)
    per_arm = models.PositiveIntegerField()
    table_sha256 = models.CharField(max_length=64)
    units = models.JSONField()
    ratio_p = models.FloatField()
    results = models.JSONField(default=list)
    stops = models.BooleanField(default=False)
    read_by = models.ForeignKey(Account, models.PROTECT, related_name="readings")
    read_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["read_at"]
        constraints = [
            models.UniqueConstraint(fields=["experiment", "look"], name="reading_each_look_once"),
            models.CheckConstraint(
                condition=Q(kind=ReadingKind.LOOK, look__isnull=False) | Q(kind=ReadingKind.GUARDRAIL, look=None),
                name="reading_kind",
            ),
            models.CheckConstraint(
                condition=Q(ratio_p__lt=0.001, results=[], stops=False) | Q(ratio_p__gte=0.001) & ~Q(results=[]),
                name="reading_closed_by_sample_ratio",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.experiment}"

    @property
    def closed(self) -> bool:
        """The units did not fall into the arms as they should have: nothing else is read."""
        return not self.results

    @property
    def unit(self) -> BusinessUnit:
        return self.experiment.unit

    @property
    def audit_object(self) -> models.Model:
        return self.experiment.deployment.model

    def result_of(self, label: str) -> dict[str, Any] | None:
        """What this reading shows of one arm."""
        return next((each for each in self.results if each["arm"] == label), None)


class Ending(Governed):
    """That an experiment is over, and why. Written once."""

    experiment = models.OneToOneField(Experiment, models.PROTECT, primary_key=True, related_name="ending")
    reason = models.TextField()
    ended_by = models.ForeignKey(Account, models.PROTECT, related_name="ended_experiments")
    ended_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="ending_has_a_reason")]

    def __str__(self) -> str:
        return f"end of {self.experiment}"

    @property
    def audit_object(self) -> models.Model:
        return self.experiment.deployment.model
