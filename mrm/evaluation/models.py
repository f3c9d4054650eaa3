import uuid
from typing import Any

from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.models import Governed
from mrm.evaluation.workflow import InspectionOutcome, PermissionState, RunState
from mrm.inventory.models import Artifact, Dataset, Pack, Version


class Run(Governed):
    """Tests of one version on one data set, pinned to digests, suite and seed; results are kept as computed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("evaluation_run_number"), function="nextval")
    )
    version = models.ForeignKey(Version, models.PROTECT, related_name="runs")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="runs")
    protected = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="bias_runs")
    reference = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="stability_runs")
    suite = models.ForeignKey(Pack, models.PROTECT, related_name="runs")
    reasons = models.ForeignKey(Pack, models.PROTECT, null=True, blank=True, related_name="explained_runs")
    artifact_sha256 = models.CharField(max_length=64)
    endpoint = models.JSONField(default=dict)  # the version's own at the time, if it was scored through it
    kinds = models.JSONField()
    settings = models.JSONField()
    status = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="runs")
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    results = models.JSONField(default=list)
    figures = models.JSONField(default=list)
    crosscheck = models.JSONField(default=dict)
    explanation = models.JSONField(default=dict)
    pins = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunState.values), name="run_state"),
            models.CheckConstraint(condition=~Q(status=RunState.DONE) | ~Q(digest=""), name="run_done_has_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.ref} of {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("evaluation:run", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"EV-{self.number:04d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model

    def counted(self) -> dict[str, int]:
        """How many results stand at each status."""
        counts: dict[str, int] = {}
        for result in self.results:
            counts[result["status"]] = counts.get(result["status"], 0) + 1
        return counts

    def worst(self) -> str:
        order = ("fail", "watch", "insufficient", "pass")
        counts = self.counted()
        return next((status for status in order if counts.get(status)), "info")

    def result(self, measure: str, attribute: str = "", group: str = "") -> dict[str, Any] | None:
        for entry in self.results:
            if (entry["measure"], entry["attribute"], entry["group"]) == (measure, attribute, group):
                found: dict[str, Any] = entry
                return found
        return None


class ExecutionPermission(Governed):
    """That one pickle may be run, in the confined process only: asked for with a reason, granted by a clean scan."""

    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="execution_permissions")
    version = models.ForeignKey(Version, models.PROTECT, related_name="execution_permissions")
    status = models.CharField(max_length=10, choices=PermissionState, default=PermissionState.SCANNING)
    reason = models.TextField()
    asked_by = models.ForeignKey(Account, models.PROTECT, related_name="execution_permissions")
    asked_at = models.DateTimeField(default=timezone.now)
    names = models.JSONField(default=list)
    error = models.TextField(blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="ended_permissions")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=PermissionState.values), name="execution_permission_state"),
            models.CheckConstraint(condition=~Q(reason=""), name="execution_permission_reason"),
            models.UniqueConstraint(
                fields=["artifact"],
                condition=Q(status__in=[PermissionState.SCANNING, PermissionState.GRANTED]),
                name="execution_permission_once",
            ),
        ]

    def __str__(self) -> str:
        return f"permission to run {self.artifact} of {self.version}"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model


class Inspection(Governed):
    """What tools found in the bytes of an artifact, in the confined process. Never changed: the latest one counts."""

    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="inspections")
    version = models.ForeignKey(Version, models.PROTECT, related_name="inspections")
    declared = models.CharField(max_length=12)
    found = models.CharField(max_length=40)
    outcome = models.CharField(max_length=12, choices=InspectionOutcome)
    tools = models.JSONField()
    findings = models.JSONField(default=list)
    facts = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=InspectionOutcome.values), name="inspection_outcome"),
            models.CheckConstraint(
                condition=Q(outcome=InspectionOutcome.CLEAN, findings=[])
                | ~Q(outcome=InspectionOutcome.CLEAN) & ~Q(findings=[]),
                name="inspection_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"inspection of {self.artifact}"

    def get_absolute_url(self) -> str:
        return f"{self.version.get_absolute_url()}#inspection"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model

    @property
    def sentences(self) -> list[str]:
        """What the tools object to, each once."""
        return list(dict.fromkeys(each["sentence"] for each in self.findings))

    @property
    def told_tools(self) -> str:
        return ", ".join(f"{each['name']} {each['version']}" for each in self.tools)


class Conversion(Governed):
    """An artifact made into ONNX beside it: what was converted, on which rows both were compared, and what came of it."""

    source = models.ForeignKey(Version, models.PROTECT, related_name="conversions")
    source_sha256 = models.CharField(max_length=64)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="conversions")
    label = models.CharField(max_length=40)
    tolerance = models.DecimalField(max_digits=12, decimal_places=9)
    status = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="conversions")
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    converter = models.CharField(max_length=60, blank=True)
    parity = models.JSONField(default=dict)
    made = models.OneToOneField(Version, models.PROTECT, null=True, blank=True, related_name="converted_by")
    made_sha256 = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[RunState.QUEUED, RunState.DONE, RunState.FAILED]), name="conversion_state"
            ),
            models.CheckConstraint(condition=Q(tolerance__gt=0), name="conversion_tolerance"),
            models.CheckConstraint(
                condition=Q(status=RunState.DONE, made__isnull=False) & ~Q(made_sha256="")
                | ~Q(status=RunState.DONE) & Q(made__isnull=True, made_sha256=""),
                name="conversion_done_has_version",
            ),
        ]

    def __str__(self) -> str:
        return f"conversion of {self.source} to ONNX"

    def get_absolute_url(self) -> str:
        return f"{self.source.get_absolute_url()}#conversion"

    @property
    def unit(self) -> BusinessUnit:
        return self.source.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.source.model


class Comparison(Governed):
    """A champion against challengers on the same rows; contenders are pinned with the bytes and cut-off they had."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("evaluation_comparison_number"), function="nextval")
    )
    champion = models.ForeignKey(Version, models.PROTECT, related_name="comparisons")
    contenders = models.JSONField()
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="comparisons")
    protected = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="bias_comparisons")
    reference = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="stability_comparisons")
    settings = models.JSONField()
    status = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED)
    requested_by = models.ForeignKey(Account, models.PROTECT, related_name="comparisons")
    requested_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    results = models.JSONField(default=list)
    figures = models.JSONField(default=list)
    pins = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=RunState.values), name="comparison_state"),
            models.CheckConstraint(
                condition=~Q(status=RunState.DONE) | ~Q(digest=""), name="comparison_done_has_digest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} of {self.champion}"

    def get_absolute_url(self) -> str:
        return reverse("evaluation:comparison", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"CP-{self.number:04d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.champion.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.champion.model


class AlternativeChoice(Governed):
    """Which candidate of a search was taken, or that the present model stays: proposed, or decided by somebody independent.

    Rows are never changed: the latest decision counts, and those before it stay beside it.
    """

    run = models.ForeignKey(Run, models.PROTECT, related_name="choices")
    candidate = models.PositiveSmallIntegerField()  # 0 is the present model
    reason = models.TextField()
    rejected = models.JSONField(default=list)  # candidate and reason of each that was better and is not taken
    decided = models.BooleanField()
    proposal = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="decisions")
    made_by = models.ForeignKey(Account, models.PROTECT, related_name="alternative_choices")
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="alternative_choice_reason"),
            models.CheckConstraint(
                condition=Q(decided=True) | Q(proposal__isnull=True), name="alternative_choice_proposal_is_decided_on"
            ),
        ]

    def __str__(self) -> str:
        return f"{'choice' if self.decided else 'proposal'} among the alternatives of {self.run.ref}"

    def get_absolute_url(self) -> str:
        return f"{self.run.get_absolute_url()}#alternatives-choice"

    @property
    def said(self) -> str:
        return "keep the present model" if self.candidate == 0 else f"take candidate {self.candidate}"

    @property
    def unit(self) -> BusinessUnit:
        return self.run.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.run.version.model
