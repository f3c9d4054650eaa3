import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import BusinessUnit, Person
from mrm.audit.models import Governed
from mrm.inventory.models.model import Model
from mrm.inventory.workflow import VersionState


class ArtifactKind(models.TextChoices):
    ONNX = "onnx", "ONNX"
    SKOPS = "skops", "skops (scikit-learn)"
    PICKLE = "pickle", "pickle or joblib"
    XGBOOST = "xgboost", "XGBoost native"
    LIGHTGBM = "lightgbm", "LightGBM native"
    PMML = "pmml", "PMML"
    MOJO = "mojo", "H2O MOJO"
    SAS = "sas", "SAS score code"
    R = "r", "R object"
    TENSORFLOW = "tensorflow", "TensorFlow"
    VENDOR = "vendor", "Vendor endpoint"
    OTHER = "other", "Other"


class ModelKind(models.TextChoices):
    CLASSIFICATION = "classification", "Classification: the chance of an event"
    REGRESSION = "regression", "Regression: an amount or a price"
    LOSS = "loss_given_default", "Loss given default or exposure"


class Artifact(Governed):
    """The bytes of a model, named by their SHA-256. Nothing is ever loaded where it is stored."""

    sha256 = models.CharField(primary_key=True, max_length=64)
    size = models.BigIntegerField()
    kind = models.CharField(max_length=12, choices=ArtifactKind)
    filename = models.CharField(max_length=200)
    stored_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="artifact_digest")]

    def __str__(self) -> str:
        return self.filename


class Version(Governed):
    """A version of a model: what is validated, approved and deployed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    model = models.ForeignKey(Model, models.PROTECT, related_name="versions")
    label = models.CharField(max_length=40)
    status = models.CharField(max_length=16, choices=VersionState, default=VersionState.DRAFT)
    model_kind = models.CharField(max_length=20, choices=ModelKind, default=ModelKind.CLASSIFICATION)
    methodology = models.TextField(blank=True)
    intended_use = models.TextField(blank=True)
    training_window = models.CharField(max_length=120, blank=True)
    notes = models.TextField(blank=True)
    domain_of_use = models.JSONField(default=list, blank=True)
    features = models.JSONField(default=list, blank=True)
    target = models.CharField(max_length=80, blank=True)
    cutoff = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    developer = models.ForeignKey(Person, models.PROTECT, related_name="versions")
    artifact = models.ForeignKey(Artifact, models.PROTECT, null=True, blank=True, related_name="versions")
    created_at = models.DateTimeField(default=timezone.now)
    scoring_endpoint = models.JSONField(default=dict, blank=True)  # where it answers, if it is not run here
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["model", "label"], name="version_label"),
            models.CheckConstraint(condition=Q(status__in=VersionState.values), name="version_state_known"),
            models.CheckConstraint(condition=Q(model_kind__in=ModelKind.values), name="version_model_kind_known"),
            models.CheckConstraint(
                condition=Q(status__in=[VersionState.DRAFT, VersionState.RETIRED]) | Q(artifact__isnull=False),
                name="version_has_artifact",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model.name} {self.label}"

    def get_absolute_url(self) -> str:
        return reverse("inventory:version", args=[self.pk])

    @property
    def unit(self) -> BusinessUnit:
        return self.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.model
