import uuid

from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import BusinessUnit
from mrm.audit.models import Governed
from mrm.inventory.models.version import Version


class Dataset(Governed):
    """A data set as stored: Parquet named by its digest, with the manifest of what it holds."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("inventory_dataset_number"), function="nextval")
    )
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    source = models.CharField(max_length=300)
    period = models.CharField(max_length=120, blank=True)
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="datasets")
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    rows = models.BigIntegerField()
    manifest = models.JSONField()
    holds_protected = models.BooleanField(default=False)
    registered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["sha256", "unit", "name"], name="dataset_once")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("inventory:dataset", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"DS-{self.number:04d}"

    @property
    def columns(self) -> list[str]:
        return [column["name"] for column in self.manifest.get("columns", [])]


class DatasetRole(models.TextChoices):
    TRAINING = "training", "Training"
    TEST = "test", "Test"
    OUT_OF_TIME = "out_of_time", "Out of time"
    BACKGROUND = "background", "Background of explanations"
    PROTECTED = "protected", "Protected attributes"


class VersionDataset(Governed):
    """What part a data set plays for a version."""

    version = models.ForeignKey(Version, models.PROTECT, related_name="datasets")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="uses")
    role = models.CharField(max_length=12, choices=DatasetRole)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "dataset", "role"], name="version_dataset_once"),
            models.CheckConstraint(condition=Q(role__in=DatasetRole.values), name="version_dataset_role"),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} as {self.get_role_display().lower()} data"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model
