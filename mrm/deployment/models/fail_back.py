import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Method
from mrm.audit.models import Governed
from mrm.deployment.models.revision import Deployment, Revision


class FailBack(Governed):
    """A person's word, under a signature, that versions the gateway passed over are to answer again. Written once.

    What became of it stands in the operation that was sent for it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    deployment = models.ForeignKey(Deployment, models.PROTECT, related_name="fail_backs")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="fail_backs")
    passed_over = models.JSONField()  # why, by the label of each version
    reason = models.TextField()
    statement = models.TextField()
    statement_digest = models.CharField(max_length=64, unique=True)
    method = models.CharField(max_length=20, choices=Method)
    evidence = models.JSONField(default=dict, blank=True)
    signed_by = models.ForeignKey(Account, models.PROTECT, related_name="fail_backs")
    signed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-signed_at"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(reason="")
                & ~Q(statement="")
                & ~Q(statement_digest="")
                & ~Q(method="")
                & ~Q(passed_over={}),
                name="fail_back_is_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"way back of {', '.join(self.passed_over)} at {self.deployment}"

    @property
    def unit(self) -> BusinessUnit:
        return self.deployment.model.unit

    @property
    def audit_object(self) -> models.Model:
        return self.deployment.model
