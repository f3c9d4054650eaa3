import datetime as dt

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Person
from mrm.audit.models import Governed


class Delegation(Governed):
    """One person lets another sign in his place for a time; both are counted wherever the delegate signs."""

    principal = models.ForeignKey(Person, models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(Person, models.PROTECT, related_name="delegations_held")
    since = models.DateTimeField()
    until = models.DateTimeField()
    reason = models.TextField()
    given_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    given_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-since"]
        constraints = [
            models.CheckConstraint(condition=~Q(principal=F("delegate")), name="delegation_to_another"),
            models.CheckConstraint(condition=Q(until__gt=F("since")), name="delegation_period"),
        ]

    def __str__(self) -> str:
        return f"delegation until {self.until:%Y-%m-%d %H:%M}"

    @property
    def unit(self) -> BusinessUnit:
        return self.principal.unit

    @property
    def audit_object(self) -> models.Model:
        return self.principal

    def runs_at(self, moment: dt.datetime) -> bool:
        return self.since <= moment < self.until and (self.ended_at is None or moment < self.ended_at)
