"""The inventory record of a model: the fields of OSFI E-23, Appendix 1, and what other regimes add."""

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import EXCEPTIONS, BusinessUnit, ObjectException, Person
from mrm.audit.models import Governed
from mrm.inventory.models.letters import LettersOf
from mrm.inventory.workflow import Lifecycle


class Origin(models.TextChoices):
    INTERNAL = "internal", "Internal"
    VENDOR = "vendor", "Vendor"
    HYBRID = "hybrid", "Hybrid"
    OPEN = "open", "Open source"


class RecordKind(models.TextChoices):
    MODEL = "model", "Model"
    NON_MODEL = "non_model", "Not a model (tool, end-user computing)"
    GENAI = "genai", "Generative use case"
    AGENT = "agent", "Agent"


class Residual(models.TextChoices):
    LOW = "low", "Low"
    MODERATE = "moderate", "Moderate"
    HIGH = "high", "High"
    VERY_HIGH = "very high", "Very high"


class MonitoringStatus(models.TextChoices):
    NOT_STARTED = "not started", "Not started"
    WITHIN = "within limits", "Within limits"
    WARNING = "warning", "Warning"
    BREACH = "breach", "Breach"
    OVERDUE = "overdue", "Overdue"


class Explainability(models.TextChoices):
    NONE = "none", "None"
    TECHNICAL = "technical reviewer", "Technical reviewer"
    BUSINESS = "business user", "Business user"
    AFFECTED = "affected person", "Affected person"


class Autonomy(models.TextChoices):
    ADVISORY = "advisory", "Advisory"
    HUMAN = "human decides", "A person decides"
    EXCEPTION = "human on exception", "A person on exception"
    AUTOMATED = "fully automated", "Fully automated"
    ADAPTING = "self-adapting", "Self-adapting"


class Tier(models.TextChoices):
    ONE = "1", "Tier 1"
    TWO = "2", "Tier 2"
    THREE = "3", "Tier 3"
    FOUR = "4", "Tier 4"


class Model(Governed):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("inventory_model_number"), function="nextval")
    )
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=12, choices=RecordKind, default=RecordKind.MODEL)
    key_features = models.TextField(blank=True)
    use_summary = models.TextField()
    rationale = models.TextField(blank=True)
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="models")
    owner = models.ForeignKey(Person, models.PROTECT, related_name="owned_models")
    developer = models.ForeignKey(Person, models.PROTECT, related_name="developed_models")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.INTERNAL)
    vendor = models.CharField(max_length=120, blank=True)
    approved_uses = models.JSONField(default=list, blank=True)
    limitations = models.JSONField(default=list, blank=True)
    limitation_conditions = models.JSONField(default=list, blank=True)
    explainability_need = models.CharField(max_length=20, choices=Explainability, default=Explainability.TECHNICAL)
    autonomy = models.CharField(max_length=20, choices=Autonomy, default=Autonomy.HUMAN)
    contingency_plan = models.TextField(blank=True)
    generative_or_agentic = models.BooleanField(default=False)
    regimes = models.JSONField(default=dict, blank=True)

    lifecycle = models.CharField(max_length=16, choices=Lifecycle, default=Lifecycle.PROPOSED)
    tier = models.CharField(max_length=1, choices=Tier, blank=True)
    tier_is_provisional = models.BooleanField(default=True)
    rated_on = models.DateField(null=True, blank=True)
    residual_risk = models.CharField(max_length=10, choices=Residual, blank=True)
    production_date = models.DateField(null=True, blank=True)
    last_validation_date = models.DateField(null=True, blank=True)
    next_validation_date = models.DateField(null=True, blank=True)
    monitoring_status = models.CharField(max_length=16, choices=MonitoringStatus, default=MonitoringStatus.NOT_STARTED)
    monitoring_exceptions = models.JSONField(default=list, blank=True)
    decommission_date = models.DateField(null=True, blank=True)
    registered_at = models.DateTimeField(default=timezone.now)
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["number"]
        indexes = [
            # holds all that the lists are counted by, so that counting reads no model
            models.Index(
                fields=["unit", "tier"],
                include=("lifecycle", "next_validation_date", "owner", "developer"),
                name="model_unit_tier",
            ),
            models.Index(fields=["lifecycle"], name="model_lifecycle"),
            models.Index(fields=["tier"], name="model_tier"),
            models.Index(
                fields=["next_validation_date"],
                condition=~Q(lifecycle=Lifecycle.DECOMMISSIONED),
                name="model_review_due",
            ),
            # what was written last waits in a list that each search reads too: a short one
            GinIndex(LettersOf("name", "use_summary"), gin_pending_list_limit=256, name="model_letters"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(lifecycle__in=Lifecycle.values), name="model_lifecycle_known"),
            models.CheckConstraint(condition=Q(tier__in=["", *Tier.values]), name="model_tier_known"),
            models.CheckConstraint(
                condition=~Q(lifecycle=Lifecycle.DECOMMISSIONED) | Q(decommission_date__isnull=False),
                name="model_decommissioned_when",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("inventory:model", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"MDL-{self.number:04d}"

    @property
    def review_overdue(self) -> bool:
        return bool(self.next_validation_date and self.next_validation_date < timezone.localdate())


class ModelException(ObjectException):
    """One account sees one model that its roles do not reach."""

    content_object = models.ForeignKey(Model, models.PROTECT)

    class Meta(ObjectException.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"{self.content_object} to {self.user} until {self.until:%Y-%m-%d}"

    @property
    def audit_object(self) -> models.Model:
        return self.content_object


EXCEPTIONS.add("model", ModelException)


class DependencyKind(models.TextChoices):
    INPUT = "input", "Input data"
    SCORE = "score", "Score"
    PARAMETER = "parameter", "Parameter"
    MAIN_INPUT = "main_input", "Main input"
    GOVERNANCE = "governance", "Governance signal"


class Dependency(Governed):
    """`downstream` needs `upstream`."""

    upstream = models.ForeignKey(Model, models.PROTECT, related_name="feeds")
    downstream = models.ForeignKey(Model, models.PROTECT, related_name="needs")
    kind = models.CharField(max_length=12, choices=DependencyKind)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upstream", "downstream", "kind"], name="dependency_once"),
            models.CheckConstraint(condition=~Q(upstream=models.F("downstream")), name="dependency_not_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.downstream} needs {self.upstream}"

    @property
    def unit(self) -> BusinessUnit:
        return self.downstream.unit

    @property
    def audit_object(self) -> models.Model:
        return self.downstream
