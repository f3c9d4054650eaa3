"""What was asked to be erased, why, and when it was."""

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Person
from mrm.audit.models import Governed


class Erasure(Governed):
    """One question whether the personal data of a person may be erased; sign-off answers it. Carried out once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="erasures")
    reason = models.TextField()
    asked_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    erased_at = models.DateTimeField(null=True, blank=True)
    # signatures of the person, which the law that asks for them keeps
    kept_signatures = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-asked_at"]
        constraints = [
            models.UniqueConstraint(fields=["person"], condition=Q(erased_at__isnull=False), name="erasure_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="erasure_reason"),
        ]

    def __str__(self) -> str:
        # no name: what is signed, and the trail, must not say what is to be forgotten
        return f"personal data {str(self.person_id)[:8]}"

    def get_absolute_url(self) -> str:
        return reverse("privacy:erasure", args=[self.pk])

    @property
    def unit(self) -> BusinessUnit:
        return self.person.unit

    @property
    def audit_object(self) -> models.Model:
        return self.person
