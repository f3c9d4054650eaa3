import uuid

from django.db import models
from django.db.models import Func, Q, Value
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import BusinessUnit, Person
from mrm.audit.models import Governed
from mrm.audit.queries import of_subject
from mrm.evaluation.models import Run
from mrm.inventory.models import Model, Version
from mrm.signoff.models import Request, open_request
from mrm.validation.workflow import OPEN_STATES, FindingState, ValidationState

CONTRIBUTIONS = (
    "inventory.add_version",
    "inventory.edit_version",
    "inventory.attach_artifact",
    "inventory.set_scoring_endpoint",
    "inventory.remove_scoring_endpoint",
)


class Kind(models.TextChoices):
    INITIAL = "initial", "Initial"
    PERIODIC = "periodic", "Full periodic"
    TARGETED = "targeted", "Targeted"
    CHANGE = "change", "Change"


class ValidationOutcome(models.TextChoices):
    FIT = "fit", "Fit for use"
    FIT_WITH_FINDINGS = "fit_with_findings", "Fit for use with findings"
    NOT_FIT = "not_fit", "Not fit for use"


class Pillar(models.TextChoices):
    SOUNDNESS = "soundness", "Conceptual soundness"
    OUTCOMES = "outcomes", "Outcomes analysis"
    MONITORING = "monitoring", "Ongoing monitoring"
    FAIRNESS = "fairness", "Fairness"
    EXPLAINABILITY = "explainability", "Explainability"
    IMPLEMENTATION = "implementation", "Process verification"


class Severity(models.TextChoices):
    CRITICAL = "critical", "Critical"
    HIGH = "high", "High"
    MEDIUM = "medium", "Medium"
    LOW = "low", "Low"
    OBSERVATION = "observation", "Observation"


class Validation(Governed):
    """The independent challenge of one version."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("validation_number"), function="nextval")
    )
    version = models.ForeignKey(Version, models.PROTECT, related_name="validations")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.INITIAL)
    status = models.CharField(max_length=10, choices=ValidationState, default=ValidationState.REQUESTED)
    requested_by = models.ForeignKey(Person, models.PROTECT, related_name="requested_validations")
    requested_at = models.DateTimeField(default=timezone.now)
    validator = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="validations")
    plan = models.TextField(blank=True)
    outcome = models.CharField(max_length=20, choices=ValidationOutcome, blank=True)
    conclusion = models.TextField(blank=True)
    residual_risk = models.CharField(max_length=10, blank=True)
    artifact_sha256 = models.CharField(max_length=64)
    concluded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["version"],
                condition=Q(status__in=[ValidationState.REQUESTED, ValidationState.UNDER_WAY]),
                name="validation_one_open",
            ),
            models.CheckConstraint(condition=Q(status__in=ValidationState.values), name="validation_state"),
            models.CheckConstraint(
                condition=~Q(status=ValidationState.CONCLUDED)
                | (~Q(outcome="") & Q(concluded_at__isnull=False) & Q(validator__isnull=False)),
                name="validation_concluded_with_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} of {self.version}"

    def get_absolute_url(self) -> str:
        return reverse("validation:validation", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"VAL-{self.number:04d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.version.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.version.model

    @property
    def asked(self) -> Request | None:
        """The request in which the outcome waits for a second validator."""
        return open_request(str(self.pk))

    def parties(self) -> dict[str, str]:
        """Person id to why he is not independent of the version; contributors come from the log."""
        found: dict[str, str] = {}
        events = of_subject(self.version).filter(verb__in=CONTRIBUTIONS, outcome="done").exclude(person="")
        for person in events.values_list("person", flat=True):
            found[person] = "you contributed to it"
        found[str(self.version.developer_id)] = "you developed it"
        found[str(self.version.model.developer_id)] = "you developed the model"
        found[str(self.version.model.owner_id)] = "you own the model"
        return found


class Evidence(Governed):
    """What a validator relied on: a run, a file, or an examination in words. Kept as it was."""

    validation = models.ForeignKey(Validation, models.PROTECT, related_name="evidence")
    pillar = models.CharField(max_length=16, choices=Pillar)
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    run = models.ForeignKey(Run, models.PROTECT, null=True, blank=True, related_name="evidence")
    sha256 = models.CharField(max_length=64, blank=True)
    filename = models.CharField(max_length=200, blank=True)
    added_by = models.ForeignKey(Person, models.PROTECT, related_name="evidence")
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pillar", "added_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(run__isnull=False) | ~Q(sha256="") | ~Q(text=""), name="evidence_holds_something"
            ),
            models.CheckConstraint(condition=Q(pillar__in=Pillar.values), name="evidence_pillar"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def unit(self) -> BusinessUnit:
        return self.validation.unit

    @property
    def audit_object(self) -> models.Model:
        return self.validation.audit_object


class Finding(Governed):
    """A weakness found, with who answers it by when, and how it was verified."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("validation_finding_number"), function="nextval")
    )
    validation = models.ForeignKey(Validation, models.PROTECT, related_name="findings")
    title = models.CharField(max_length=200)
    description = models.TextField()
    severity = models.CharField(max_length=12, choices=Severity)
    tier_at_issue = models.CharField(max_length=1)
    status = models.CharField(max_length=20, choices=FindingState, default=FindingState.OPEN)
    owner = models.ForeignKey(Person, models.PROTECT, related_name="findings")
    raised_by = models.ForeignKey(Person, models.PROTECT, related_name="raised_findings")
    raised_at = models.DateTimeField(default=timezone.now)
    due = models.DateField(null=True, blank=True)
    first_due = models.DateField(null=True, blank=True)
    response = models.TextField(blank=True)
    rebuttal = models.TextField(blank=True)
    plan = models.TextField(blank=True)
    remediation = models.TextField(blank=True)
    remediation_sha256 = models.CharField(max_length=64, blank=True)
    remediation_filename = models.CharField(max_length=200, blank=True)
    remediated_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="remediated_findings")
    verification = models.TextField(blank=True)
    verified_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="verified_findings")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["due", "number"]
        indexes = [models.Index(fields=["status", "due"], name="finding_queue")]
        constraints = [
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="finding_severity"),
            models.CheckConstraint(condition=Q(status__in=FindingState.values), name="finding_state"),
            models.CheckConstraint(
                condition=~Q(status=FindingState.CLOSED)
                | (Q(verified_by__isnull=False) & ~Q(verification="") & ~Q(verified_by=models.F("remediated_by"))),
                name="finding_closed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}: {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("validation:finding", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"FND-{self.number:04d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.validation.unit

    @property
    def audit_object(self) -> models.Model:
        return self.validation.audit_object

    @property
    def asked(self) -> Request | None:
        """The request in which its closing, withdrawal or acceptance waits for signatures."""
        return open_request(str(self.pk))

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATES

    @property
    def is_overdue(self) -> bool:
        return bool(self.is_open and self.due and self.due < timezone.localdate())


class RiskAcceptance(Governed):
    """A risk borne for a time: that of a finding, or of a clause of policy that a model does not meet. Signed for."""

    model = models.ForeignKey(Model, models.PROTECT, related_name="acceptances")
    finding = models.ForeignKey(Finding, models.PROTECT, null=True, blank=True, related_name="acceptances")
    clause = models.CharField(max_length=40, blank=True)
    reason = models.TextField()
    compensation = models.TextField()
    until = models.DateField()
    request = models.ForeignKey(Request, models.PROTECT, related_name="acceptances")
    accepted_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-accepted_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(finding__isnull=False, clause="") | Q(finding=None) & ~Q(clause=""),
                name="acceptance_of_one_thing",
            ),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(compensation=""), name="acceptance_explained"),
            models.UniqueConstraint(
                fields=["finding"], condition=Q(ended_at=None, finding__isnull=False), name="acceptance_one_of_finding"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}: {self.finding.ref if self.finding else self.clause} until {self.until:%Y-%m-%d}"

    @property
    def ref(self) -> str:
        return f"EXC-{self.pk:04d}"

    @property
    def unit(self) -> BusinessUnit:
        return self.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.model
