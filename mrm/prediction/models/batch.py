"""A data set scored by one approved version, part by part; what scored each part is written once."""

import uuid

from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.approval.models import Approval
from mrm.audit.models import Governed
from mrm.deployment.models import Environment, Revision
from mrm.inventory.models import Dataset, Version
from mrm.prediction.workflow import BatchState, Way
from mrm.signoff.models import Policy

OPEN = (BatchState.QUEUED, BatchState.RUNNING)


class BatchRun(Governed):
    """Every row of a data set scored for one approved use, pinned to version, bytes, approval and data."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("prediction_batch_number"), function="nextval")
    )
    version = models.ForeignKey(Version, models.PROTECT, related_name="batch_runs")
    approval = models.ForeignKey(Approval, models.PROTECT, related_name="batch_runs")
    artifact_sha256 = models.CharField(max_length=64)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="batch_runs")
    dataset_sha256 = models.CharField(max_length=64)
    rows = models.BigIntegerField()
    environment = models.ForeignKey(Environment, models.PROTECT, related_name="batch_runs")
    use = models.TextField()
    # who scores, and why; a place does so with the champion of a revision, as a job of its own that is asked for once
    way = models.CharField(max_length=10, choices=Way, default=Way.WORKER, db_default=Way.WORKER)
    way_because = models.TextField(blank=True, db_default="")
    revision = models.ForeignKey(Revision, models.PROTECT, null=True, blank=True, related_name="batch_runs")
    sent_at = models.DateTimeField(null=True, blank=True)
    backend_job = models.CharField(max_length=200, blank=True, db_default="")
    backend_handle = models.TextField(blank=True, db_default="")
    # no part has more rows, whatever the row groups of the file; pinned, so that a run goes on as it began
    part_rows = models.PositiveIntegerField()
    parts_planned = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, choices=BatchState, default=BatchState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="batch_runs")
    requested_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    output_sha256 = models.CharField(max_length=64, blank=True)
    output_size = models.BigIntegerField(default=0)
    error = models.TextField(blank=True)
    remedy = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=BatchState.values), name="batch_state"),
            models.CheckConstraint(condition=Q(rows__gt=0, part_rows__gt=0) & ~Q(use=""), name="batch_has_rows"),
            models.CheckConstraint(
                condition=Q(status=BatchState.DONE) & ~Q(output_sha256="")
                | ~Q(status=BatchState.DONE) & Q(output_sha256="", output_size=0),
                name="batch_done_has_output",
            ),
            models.CheckConstraint(
                condition=Q(status__in=OPEN, finished_at=None) | ~Q(status__in=OPEN) & Q(finished_at__isnull=False),
                name="batch_ended_when",
            ),
            models.CheckConstraint(
                condition=Q(status=BatchState.FAILED) & ~Q(error="") | ~Q(status=BatchState.FAILED) & Q(error=""),
                name="batch_failed_because",
            ),
            models.CheckConstraint(
                condition=Q(way=Way.WORKER, revision=None, sent_at=None, backend_job="", backend_handle="")
                | Q(way=Way.BACKEND, revision__isnull=False),
                name="batch_goes_one_way",
            ),
            models.CheckConstraint(
                condition=Q(backend_job="", backend_handle="")
                | Q(sent_at__isnull=False) & ~Q(backend_job="") & ~Q(backend_handle=""),
                name="batch_job_was_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}, {self.dataset.name} scored by {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("prediction:batch", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"BS-{self.requested_at.year}-{self.number:05d}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def by_backend(self) -> bool:
        return self.way == Way.BACKEND

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model


class BatchPart(Governed):
    """Some rows of a run with exactly what scored them; written once, while the approval was in force."""

    run = models.ForeignKey(BatchRun, models.PROTECT, related_name="parts")
    index = models.PositiveIntegerField()
    row_group = models.PositiveIntegerField()
    first_row = models.BigIntegerField()
    rows = models.PositiveIntegerField()
    output_sha256 = models.CharField(max_length=64)
    output_size = models.BigIntegerField()
    version = models.ForeignKey(Version, models.PROTECT, related_name="batch_parts")
    artifact_sha256 = models.CharField(max_length=64)
    approval = models.ForeignKey(Approval, models.PROTECT, related_name="batch_parts")
    policy = models.ForeignKey(Policy, models.PROTECT, related_name="batch_parts")
    # by the clock of the database, which writes it whatever was given
    scored_at = models.DateTimeField(db_default=Now())
    # unknown of a part that a place scored, which tells the time of the whole job alone
    seconds = models.FloatField(null=True, blank=True)
    cpu_seconds = models.FloatField(null=True, blank=True)
    network = models.CharField(max_length=20)
    # of a part that a place scored: in which revision, by which of its jobs, and the digests of what was sent and came back
    revision = models.ForeignKey(Revision, models.PROTECT, null=True, blank=True, related_name="batch_parts")
    backend_job = models.CharField(max_length=200, blank=True, db_default="")
    sent_sha256 = models.CharField(max_length=64, blank=True, db_default="")
    answer_sha256 = models.CharField(max_length=64, blank=True, db_default="")

    class Meta:
        ordering = ["index"]
        constraints = [
            models.UniqueConstraint(fields=["run", "index"], name="batch_part_once"),
            models.UniqueConstraint(fields=["run", "first_row"], name="batch_part_rows_once"),
            models.CheckConstraint(
                condition=Q(rows__gt=0)
                & ~Q(output_sha256="")
                & (
                    Q(seconds__gte=0, cpu_seconds__gte=0, seconds__isnull=False, cpu_seconds__isnull=False)
                    & Q(revision=None, backend_job="", sent_sha256="", answer_sha256="")
                    | Q(seconds=None, cpu_seconds=None, revision__isnull=False)
                    & ~Q(backend_job="")
                    & ~Q(sent_sha256="")
                    & ~Q(answer_sha256="")
                ),
                name="batch_part_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"part {self.index + 1} of {self.run.ref}"

    def get_absolute_url(self) -> str:
        return f"{self.run.get_absolute_url()}#parts"

    @property
    def end_row(self) -> int:
        """One past its last row."""
        return self.first_row + self.rows

    @property
    def last_row(self) -> int:
        return self.end_row - 1

    @property
    def unit(self) -> BusinessUnit:
        return self.run.unit

    @property
    def audit_object(self) -> models.Model:
        return self.run.audit_object
