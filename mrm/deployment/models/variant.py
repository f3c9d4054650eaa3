import uuid

from django.db import models
from django.db.models import Q

from mrm.access.models import BusinessUnit
from mrm.approval.models import Approval
from mrm.audit.models import Governed
from mrm.connectors.values import FULL
from mrm.deployment.models.revision import Revision
from mrm.inventory.models import Version

LIVE = ("champion", "challenger")  # what takes a share of the traffic


class VariantRole(models.TextChoices):
    CHAMPION = "champion", "Champion"
    CHALLENGER = "challenger", "Challenger"
    SHADOW = "shadow", "Shadow"
    FALLBACK = "fallback", "Fallback"


CHAMPION_FIRST = models.Case(models.When(role=VariantRole.CHAMPION, then=0), default=1)


class Variant(Governed):
    """One version in one role behind an endpoint, from one revision on; shares in basis points. Written once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="variants")
    role = models.CharField(max_length=10, choices=VariantRole)
    version = models.ForeignKey(Version, models.PROTECT, related_name="variants")
    approval = models.ForeignKey(Approval, models.PROTECT, related_name="variants")
    artifact_sha256 = models.CharField(max_length=64)
    weight_bp = models.PositiveIntegerField(default=0)
    mirror_bp = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["revision", CHAMPION_FIRST, "-weight_bp", "role", "id"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "version"], name="variant_version_once"),
            models.UniqueConstraint(
                fields=["revision"], condition=Q(role=VariantRole.CHAMPION), name="variant_one_champion"
            ),
            models.CheckConstraint(condition=Q(role__in=VariantRole.values), name="variant_role"),
            models.CheckConstraint(
                condition=Q(role__in=LIVE, weight_bp__gt=0, weight_bp__lte=FULL)
                | Q(role__in=[VariantRole.SHADOW, VariantRole.FALLBACK], weight_bp=0),
                name="variant_share",
            ),
            models.CheckConstraint(
                condition=Q(role=VariantRole.SHADOW, mirror_bp__gt=0, mirror_bp__lte=FULL)
                | ~Q(role=VariantRole.SHADOW) & Q(mirror_bp=0),
                name="variant_mirror",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version.label} as {self.role} in {self.revision}"

    @property
    def unit(self) -> BusinessUnit:
        return self.revision.deployment.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.revision.deployment.model

    @property
    def share(self) -> str:
        """Its part of the traffic in words."""
        if self.role in LIVE:
            return f"{self.weight_bp / 100:g} %"
        if self.role == VariantRole.SHADOW:
            return f"copies of {self.mirror_bp / 100:g} %"
        return "when another fails"
