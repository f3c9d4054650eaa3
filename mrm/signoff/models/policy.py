from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.models import Governed


class Policy(Governed):
    """One version of a sign-off policy as data. Open requests keep the version they were pinned to."""

    key = models.SlugField(max_length=80)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    content = models.JSONField()
    current = models.BooleanField(default=True)
    loaded_at = models.DateTimeField(default=timezone.now)
    loaded_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["key", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="policy_version"),
            models.UniqueConstraint(fields=["key"], condition=Q(current=True), name="policy_one_current"),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version}"

    def get_absolute_url(self) -> str:
        return reverse("signoff:policy", args=[self.pk])

    def applies_to(self, action: str, tier: str) -> bool:
        """A policy without tiers covers every subject of its action, rated or not."""
        applies = self.content["applies"]
        return bool(applies["action"] == action and ("tier" not in applies or tier in applies["tier"]))
