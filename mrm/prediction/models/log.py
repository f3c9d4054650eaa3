"""One row for each answer, the files they came in, counts by the hour, sealed days, alerts, and extracts."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.approval.models import Approval
from mrm.audit.models import Governed
from mrm.deployment.models import Deployment
from mrm.inventory.models import Model
from mrm.prediction.workflow import AlertState, ExtractState


class Outcome(models.TextChoices):
    SERVED = "served", "Served"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


class Prediction(models.Model):
    """One answer as the gateway wrote it down. The table is made by SQL, a partition a day; nothing in it changes."""

    # file and line say where a row came from; rows of an archived day carry the same
    pk = models.CompositePrimaryKey("file", "line")
    file = models.BigIntegerField()
    line = models.IntegerField()
    at = models.DateTimeField()
    request = models.CharField(max_length=100)
    endpoint = models.CharField(max_length=100)
    # no constraint: what an unknown endpoint answered is written down all the same
    deployment = models.ForeignKey(Deployment, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    revision = models.IntegerField(null=True)
    role = models.CharField(max_length=20)
    model = models.CharField(max_length=200)
    version = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)
    approval = models.ForeignKey(Approval, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    unit_hash = models.CharField(max_length=128)
    rows = models.IntegerField()
    inputs = models.TextField()
    outputs = models.TextField()
    micros = models.BigIntegerField()
    flags = ArrayField(models.CharField(max_length=100))
    reason = models.TextField()
    parent = models.CharField(max_length=100)
    outcome = models.CharField(max_length=8, choices=Outcome)

    class Meta:
        managed = False
        db_table = "prediction_log"
        ordering = ["-at", "-file", "-line"]

    def __str__(self) -> str:
        return f"request {self.request}"


class TakenFile(models.Model):
    """A file of the spool that was taken in, known by its digest; the same bytes are never taken twice."""

    name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    rows = models.IntegerField()
    bad = models.IntegerField(default=0)
    taken_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class Hour(models.Model):
    """How many answers of one kind within an hour: kept with the rows in one transaction, so that no page counts rows."""

    hour = models.DateTimeField()
    deployment_id = models.UUIDField()
    revision = models.IntegerField(default=0)
    role = models.CharField(max_length=20)
    version = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome)
    answers = models.BigIntegerField()
    rows = models.BigIntegerField()
    flagged = models.BigIntegerField()
    flags = models.JSONField(default=dict)
    micros = models.JSONField(default=dict)

    class Meta:
        ordering = ["hour"]
        constraints = [
            models.UniqueConstraint(
                fields=["hour", "deployment_id", "revision", "role", "version", "digest", "outcome"],
                name="prediction_hour_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.answers} answers in the hour of {self.hour:%Y-%m-%d %H:00}"


class Archive(Governed):
    """A day that left the database: its file, by digest, and how many rows it holds. Rows that came late are a new part."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    day = models.DateField()
    part = models.PositiveIntegerField(default=1)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    rows = models.BigIntegerField()
    archived_at = models.DateTimeField(default=timezone.now)
    # set by the function that takes the day out of the database, after it compared the count
    dropped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-day", "-part"]
        constraints = [
            models.UniqueConstraint(fields=["day", "part"], name="archive_part"),
            models.CheckConstraint(condition=Q(rows__gt=0), name="archive_holds_rows"),
        ]

    def __str__(self) -> str:
        return f"predictions of {self.day:%Y-%m-%d}" + (f", part {self.part}" if self.part > 1 else "")


class AlertKind(models.TextChoices):
    LINES = "lines", "Lines set aside"
    STRANGER = "stranger", "Unknown endpoint"
    ARCHIVE = "archive", "Changed archive"


class Alert(Governed):
    """Something about the log itself that somebody must look into; one of a kind is open at a time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=AlertKind)
    sentence = models.TextField()
    status = models.CharField(max_length=10, choices=AlertState, default=AlertState.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    resolution = models.TextField(blank=True)
    closed_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="closed_alerts")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(status=AlertState.OPEN), name="alert_one_open"),
            models.CheckConstraint(condition=Q(kind__in=AlertKind.values), name="alert_kind"),
            models.CheckConstraint(
                condition=Q(status=AlertState.OPEN, closed_at=None, closed_by=None)
                | Q(status=AlertState.CLOSED, closed_at__isnull=False, closed_by__isnull=False) & ~Q(resolution=""),
                name="alert_closed_with_a_resolution",
            ),
        ]

    def __str__(self) -> str:
        return f"alert about the prediction log: {self.get_kind_display().lower()}"


class ExtractFormat(models.TextChoices):
    PARQUET = "parquet", "Parquet"
    CSV = "csv", "CSV"


class Extract(Governed):
    """The log of one model over some days as a file that was asked for and, once issued, never changes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("prediction_extract_number"), function="nextval")
    )
    model = models.ForeignKey(Model, models.PROTECT, related_name="extracts")
    since = models.DateField()
    until = models.DateField()
    format = models.CharField(max_length=10, choices=ExtractFormat, default=ExtractFormat.PARQUET)
    with_inputs = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=ExtractState, default=ExtractState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="extracts")
    requested_at = models.DateTimeField(default=timezone.now)
    issued_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ExtractState.values), name="extract_state"),
            models.CheckConstraint(condition=Q(format__in=ExtractFormat.values), name="extract_format"),
            models.CheckConstraint(condition=Q(until__gte=F("since")), name="extract_ends_after_it_starts"),
            models.CheckConstraint(
                condition=~Q(status=ExtractState.ISSUED) | (~Q(sha256="") & Q(issued_at__isnull=False)),
                name="extract_issued_with_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}, predictions of {self.model.name} from {self.since} to {self.until}"

    def get_absolute_url(self) -> str:
        return reverse("prediction:extract", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"PX-{self.requested_at.year}-{self.number:05d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.model
