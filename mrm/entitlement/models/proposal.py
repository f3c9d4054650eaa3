import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.access.roles import APPROVERS, Role
from mrm.audit.models import Governed


class Proposal(Governed):
    """One question whether an account may hold a role that signs; the grant that follows has the same key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="role_proposals")
    role = models.CharField(max_length=20, choices=Role)
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="+")
    until = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    proposed_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    # why a signed proposal gave no grant: what stood against it had come meanwhile
    lapsed = models.TextField(blank=True)

    class Meta:
        ordering = ["-proposed_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=APPROVERS), name="proposal_of_a_role_that_signs"),
            models.CheckConstraint(condition=~Q(reason=""), name="role_proposal_reason"),
        ]

    def __str__(self) -> str:
        # no name: what is signed stays for ever, also when the person's data are erased
        return f"{self.get_role_display()} on {self.unit} for account {str(self.account_id)[:8]}"

    def get_absolute_url(self) -> str:
        return reverse("entitlement:proposal", args=[self.pk])

    @property
    def audit_object(self) -> models.Model:
        return self.account
