import uuid

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from mrm import serving
from mrm.access.models import Account, BusinessUnit, Person
from mrm.audit.models import Governed


class Stage(models.TextChoices):
    TEST = "test", "Test"
    PRODUCTION = "production", "Production"


class DriftPolicy(models.TextChoices):
    REPORT = "report", "Report"
    FREEZE = "freeze", "Freeze"
    HEAL = "heal", "Heal"
    FAILOVER = "failover", "Fail over"


class LogPolicy(models.TextChoices):
    BEST_EFFORT = str(serving.LogPolicy.BEST_EFFORT), "Answers do not wait for the log"
    MUST_LOG = str(serving.LogPolicy.MUST_LOG), "No answer without its line in the log"


class LoggedInputs(models.TextChoices):
    NONE = str(serving.LoggedInputs.NONE), "Nothing"
    HASHED = str(serving.LoggedInputs.HASHED), "Their digest"
    REFERENCE = str(serving.LoggedInputs.REFERENCE), "The caller's reference"
    FULL = str(serving.LoggedInputs.FULL), "All of them"


class OnWithdrawn(models.TextChoices):
    ALERT = str(serving.OnWithdrawn.ALERT), "It answers, with an alert"
    BACKUP = str(serving.OnWithdrawn.BACKUP), "The backup answers"
    STOP = str(serving.OnWithdrawn.STOP), "Nobody answers"


class Environment(Governed):
    """A group of serving places under one policy: who may deploy, when, and what follows a difference."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.PRODUCTION)
    drift_policy = models.CharField(max_length=10, choices=DriftPolicy, default=DriftPolicy.REPORT)
    look_every = models.PositiveIntegerField(default=300)
    named_only = models.BooleanField(default=False)
    # the least that the rules of an endpoint may say here
    log_least = models.CharField(max_length=12, choices=LogPolicy, default=LogPolicy.BEST_EFFORT)
    inputs_least = models.CharField(max_length=12, choices=LoggedInputs, default=LoggedInputs.NONE)
    withdrawn_least = models.CharField(max_length=12, choices=OnWithdrawn, default=OnWithdrawn.ALERT)
    segment_required = models.BooleanField(default=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="environment_stage"),
            models.CheckConstraint(condition=Q(drift_policy__in=DriftPolicy.values), name="environment_drift_policy"),
            models.CheckConstraint(
                condition=Q(look_every__gte=10, look_every__lte=86_400), name="environment_look_every"
            ),
            models.CheckConstraint(
                condition=Q(
                    log_least__in=LogPolicy.values,
                    inputs_least__in=LoggedInputs.values,
                    withdrawn_least__in=OnWithdrawn.values,
                ),
                name="environment_least",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deployment:environment", args=[self.pk])


class Freeze(Governed):
    """A time in which nothing new is brought to an environment; going back and taking out stay open."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="freezes")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField()
    declared_by = models.ForeignKey(Account, models.PROTECT, related_name="freezes")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-starts_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="freeze_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(reason=""), name="freeze_has_a_reason"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_because="") | Q(lifted_at__isnull=False) & ~Q(lifted_because=""),
                name="freeze_lifted_because",
            ),
        ]

    def __str__(self) -> str:
        return f"freeze of {self.environment}"

    @property
    def is_open(self) -> bool:
        """Not lifted and not over; it may still lie ahead."""
        return self.lifted_at is None and self.ends_at > timezone.now()

    @property
    def audit_object(self) -> models.Model:
        return self.environment


class Deployer(Governed):
    """A person named for an environment that only named people deploy to."""

    environment = models.ForeignKey(Environment, models.PROTECT, related_name="deployers")
    person = models.ForeignKey(Person, models.PROTECT, related_name="deploys_to")

    class Meta:
        ordering = ["person__name"]
        constraints = [models.UniqueConstraint(fields=["environment", "person"], name="deployer_named_once")]

    def __str__(self) -> str:
        return f"{self.person} for {self.environment}"

    @property
    def audit_object(self) -> models.Model:
        return self.environment


class Target(Governed):
    """A serving place: a connector with its configuration; secrets by name only."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    connector = models.CharField(max_length=60)
    config = models.JSONField(default=dict)
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="targets")
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="targets")
    checked_at = models.DateTimeField(null=True, blank=True)
    checked = models.TextField(blank=True)
    answers = models.BooleanField(default=False)
    # which change of name or settings this is: two people do not change them over one another
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("deployment:target", args=[self.pk])


class Breaker(models.Model):
    """How often in a row a place did not answer, and until when it is left alone."""

    target = models.OneToOneField(Target, models.CASCADE, primary_key=True, related_name="breaker")
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"breaker of {self.target}"
