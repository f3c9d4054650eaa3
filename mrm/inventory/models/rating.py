from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.models import Governed
from mrm.inventory.models.model import Model, Tier
from mrm.inventory.models.pack import Pack


class Rating(Governed):
    """One rating of a model: answers, points and method version as they were; never recomputed."""

    model = models.ForeignKey(Model, models.PROTECT, related_name="ratings")
    method = models.ForeignKey(Pack, models.PROTECT, related_name="ratings")
    answers = models.JSONField()
    materiality_score = models.DecimalField(max_digits=6, decimal_places=2)
    complexity_score = models.DecimalField(max_digits=6, decimal_places=2)
    materiality = models.CharField(max_length=12)
    complexity = models.CharField(max_length=12)
    matrix_tier = models.CharField(max_length=1, choices=Tier)
    floors = models.JSONField(default=list)
    computed_tier = models.CharField(max_length=1, choices=Tier)
    tier = models.CharField(max_length=1, choices=Tier)
    override_reason = models.TextField(blank=True)
    override_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    rated_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+")  # none is the system itself
    rated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-rated_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(tier=models.F("computed_tier")) | (~Q(override_reason="") & Q(override_by__isnull=False)),
                name="rating_override_explained",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model}: tier {self.tier}"

    @property
    def rater(self) -> str:
        return self.rated_by.name if self.rated_by else "the system"

    @property
    def overrider(self) -> str:
        return self.override_by.name if self.override_by else ""

    @property
    def unit(self) -> BusinessUnit:
        return self.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.model
