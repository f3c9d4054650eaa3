"""What was seen at a serving place or registry, the findings about it, and how far a listing came."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.models import Governed
from mrm.deployment.models import Target
from mrm.discovery import policies
from mrm.discovery.policies import CERTAIN, Cause, How
from mrm.discovery.workflow import FindingState, SightingState
from mrm.inventory.models import Version
from mrm.inventory.workflow import VersionState

APPROVED = (VersionState.APPROVED, VersionState.ACTIVE, VersionState.SUPERSEDED)


class Sighting(Governed):
    """A model version that a place lists; it is never deleted, only marked as gone."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    target = models.ForeignKey(Target, models.PROTECT, related_name="sightings")
    source = models.CharField(max_length=500)
    name = models.CharField(max_length=200)
    label = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    aliases = models.JSONField(default=list)
    serving = models.BooleanField()
    managed = models.BooleanField()
    status = models.CharField(max_length=10, choices=SightingState, default=SightingState.UNKNOWN)
    version = models.ForeignKey(Version, models.PROTECT, null=True, blank=True, related_name="sightings")
    how = models.CharField(max_length=10, choices=How, blank=True)
    reason = models.TextField(blank=True)
    settled_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="settled_sightings")
    settled_at = models.DateTimeField(null=True, blank=True)
    first_seen = models.DateTimeField(default=timezone.now)
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "label", "id"]
        constraints = [
            models.UniqueConstraint(fields=["target", "source", "name", "label"], name="sighting_once"),
            models.CheckConstraint(condition=Q(status__in=SightingState.values), name="sighting_state"),
            models.CheckConstraint(
                condition=~Q(status=SightingState.MATCHED)
                | Q(version__isnull=False) & (Q(how__in=CERTAIN) | Q(how=How.PERSON, settled_by__isnull=False)),
                name="sighting_matched_by_bytes_or_person",
            ),
            models.CheckConstraint(
                condition=~Q(status=SightingState.DISMISSED) | Q(settled_by__isnull=False) & ~Q(reason=""),
                name="sighting_dismissed_with_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.label}".strip()

    def get_absolute_url(self) -> str:
        return reverse("discovery:sighting", args=[self.pk])

    @property
    def unit(self) -> BusinessUnit:
        return self.target.unit

    @property
    def cause(self) -> Cause | None:
        """Why somebody must look at this, as things stand."""
        return policies.cause(
            serving=self.serving,
            gone=self.gone_at is not None,
            settled=self.status in {SightingState.MATCHED, SightingState.DISMISSED},
            status=self.version.status if self.version and self.status == SightingState.MATCHED else None,
            approved=APPROVED,
        )


class ShadowFinding(Governed):
    """Something serves that nobody registered or approved; open until a risk officer says what became of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    sighting = models.ForeignKey(Sighting, models.PROTECT, related_name="findings")
    cause = models.CharField(max_length=14, choices=Cause)
    sentence = models.TextField()
    status = models.CharField(max_length=8, choices=FindingState, default=FindingState.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    resolution = models.TextField(blank=True)
    closed_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="closed_shadow_findings")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-opened_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["sighting", "cause"], condition=Q(status=FindingState.OPEN), name="shadow_finding_one_open"
            ),
            models.CheckConstraint(condition=Q(cause__in=Cause.values), name="shadow_finding_cause"),
            models.CheckConstraint(
                condition=Q(status=FindingState.OPEN, closed_at=None, closed_by=None)
                | Q(status=FindingState.CLOSED, closed_at__isnull=False, closed_by__isnull=False) & ~Q(resolution=""),
                name="shadow_finding_closed_with_a_resolution",
            ),
        ]

    def __str__(self) -> str:
        return f"finding about {self.sighting}"

    def get_absolute_url(self) -> str:
        return self.sighting.get_absolute_url()

    @property
    def unit(self) -> BusinessUnit:
        return self.sighting.unit

    @property
    def audit_object(self) -> models.Model:
        return self.sighting


class Listing(models.Model):
    """How far the listing of a place came: one that is interrupted goes on where it stopped."""

    target = models.OneToOneField(Target, models.CASCADE, primary_key=True, related_name="listing")
    number = models.PositiveIntegerField(default=0)
    cursor = models.TextField(blank=True)
    # by which settings of the place it was begun: a cursor of others leads nowhere
    settings = models.PositiveIntegerField(default=1)
    begun_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"listing {self.number} of {self.target}"


class Caller(Governed):
    """That a place may say that something changed there, and the name of the secret that its calls are signed with."""

    target = models.OneToOneField(Target, models.PROTECT, related_name="caller")
    secret = models.CharField(max_length=100, blank=True)
    set_by = models.ForeignKey(Account, models.PROTECT, related_name="callers")
    set_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"calls from {self.target}"

    @property
    def unit(self) -> BusinessUnit:
        return self.target.unit

    @property
    def audit_object(self) -> models.Model:
        return self.target


class Call(models.Model):
    """The number of a call that was heard; within the time that a call is good for it is heard once."""

    caller = models.ForeignKey(Caller, models.CASCADE, related_name="calls")
    number = models.CharField(max_length=100)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "number"], name="call_heard_once")]

    def __str__(self) -> str:
        return f"call {self.number}"


class Glimpse(models.Model):
    """When a sighting was last in a listing, and in which; kept beside the record, which changes only with what is seen."""

    sighting = models.OneToOneField(Sighting, models.CASCADE, primary_key=True, related_name="glimpse")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.sighting} in listing {self.number}"
