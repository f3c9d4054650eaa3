import uuid
from typing import TYPE_CHECKING, cast

from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.audit.models import Governed
from mrm.signoff.models.request import Request
from mrm.signoff.models.subject import SUBJECTS

if TYPE_CHECKING:
    from mrm.signoff.models.subject import Proposes


def open_request(target: str) -> Request | None:
    """The open request on a proposal about a record, whatever it proposes."""
    proposal = Proposal.objects.filter(target=target, settled_at=None).first()
    return proposal.request if proposal else None


class Proposal(Governed):
    """A change of a governed record that takes effect when it is signed for, and not before.

    `content` is the change as data, in the form of its kind; `target` the key of the record that it changes. It is
    written once: settled by the decision, and carried out when that was an approval.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=60)
    target = models.CharField(max_length=80)
    label = models.CharField(max_length=200)
    content = models.JSONField()
    reason = models.TextField()
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="proposals")
    tier = models.CharField(max_length=1, blank=True)
    proposed_by = models.ForeignKey(Account, models.PROTECT, related_name="proposals")
    proposed_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    carried_out = models.BooleanField(default=False)

    class Meta:
        ordering = ["-proposed_at"]
        indexes = [models.Index(fields=["kind", "target"], name="proposal_target")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_reason"),
            models.CheckConstraint(condition=Q(carried_out=False) | Q(settled_at__isnull=False), name="proposal_done"),
            models.UniqueConstraint(
                fields=["kind", "target"], condition=Q(settled_at__isnull=True), name="proposal_one_open"
            ),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def request(self) -> Request:
        """The request that asks for the signatures on it."""
        return Request.objects.select_related("policy", "unit").get(subject_kind=self.kind, subject_key=str(self.pk))

    def get_absolute_url(self) -> str:
        return self.request.get_absolute_url()

    @property
    def audit_object(self) -> models.Model:
        record = cast("Proposes", SUBJECTS[self.kind]).record(self)
        found: models.Model = getattr(record, "audit_object", record)
        return found
