from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.audit.models import Governed


class PackKind(models.TextChoices):
    REGIME = "regime", "Regime"
    FIELD_PACK = "field_pack", "Field pack"
    TIERING_METHOD = "tiering_method", "Tiering method"
    FINDINGS_POLICY = "findings_policy", "Findings policy"
    TEST_SUITE = "test_suite", "Test suite"
    REASON_CODES = "reason_codes", "Reason-code dictionary"


class Pack(Governed):
    """One version of a regulation or policy as data. Records keep the version they were judged by."""

    kind = models.CharField(max_length=20, choices=PackKind)
    key = models.SlugField(max_length=80)
    version = models.CharField(max_length=20)
    title = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    loaded_at = models.DateTimeField(default=timezone.now)
    current = models.BooleanField(default=True)

    class Meta:
        ordering = ["kind", "key", "-loaded_at"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "version"], name="pack_version"),
            models.UniqueConstraint(fields=["kind", "key"], condition=Q(current=True), name="pack_one_current"),
            models.CheckConstraint(condition=Q(kind__in=PackKind.values), name="pack_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"
