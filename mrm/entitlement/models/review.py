from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Method, Person, RoleGrant
from mrm.audit.models import Governed
from mrm.entitlement.workflow import Outcome, ReviewState


class Review(Governed):
    """An access review of a unit and everything below it: all access in force when it was opened, decided item by item."""

    title = models.CharField(max_length=120)
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="access_reviews")
    due = models.DateField()
    # what nobody has reviewed by the due day is revoked
    revoke_overdue = models.BooleanField(default=False)
    substitute = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    opened_by = models.ForeignKey(Account, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    snapshot_digest = models.CharField(max_length=64)
    status = models.CharField(max_length=12, choices=ReviewState, default=ReviewState.OPEN)
    completed_at = models.DateTimeField(null=True, blank=True)
    completed_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")
    printed_name = models.CharField(max_length=120, blank=True)
    statement = models.TextField(blank=True)
    statement_digest = models.CharField(max_length=64, blank=True)
    method = models.CharField(max_length=20, choices=Method, blank=True)
    # what a security key answered to the statement, so that an outsider can verify it without trusting us
    evidence = models.JSONField(default=dict)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ReviewState.values), name="review_state"),
            models.UniqueConstraint(
                fields=["unit"], condition=Q(status=ReviewState.OPEN), name="review_one_open_for_a_unit"
            ),
            models.CheckConstraint(
                condition=Q(status=ReviewState.OPEN, completed_at=None, completed_by=None, statement="", method="")
                | Q(status=ReviewState.COMPLETED, completed_at__isnull=False, completed_by__isnull=False)
                & ~Q(statement="")
                & ~Q(statement_digest="")
                & Q(method__in=Method.values),
                name="review_completed_with_its_statement",
            ),
            models.CheckConstraint(
                condition=Q(method=Method.WEBAUTHN) & ~Q(evidence={}) | ~Q(method=Method.WEBAUTHN) & Q(evidence={}),
                name="review_evidence",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref}: {self.title}"

    def get_absolute_url(self) -> str:
        return reverse("entitlement:review", args=[self.pk])

    @property
    def ref(self) -> str:
        return f"ARV-{self.pk:04d}" if self.pk else "ARV"

    @property
    def is_open(self) -> bool:
        return self.status == ReviewState.OPEN

    @property
    def is_overdue(self) -> bool:
        return self.is_open and self.due < timezone.localdate()


class Item(Governed):
    """One grant or exception as it was when the review was opened, and what was decided about it."""

    review = models.ForeignKey(Review, models.PROTECT, related_name="items")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    unit = models.ForeignKey(BusinessUnit, models.PROTECT, related_name="+")
    grant = models.ForeignKey(RoleGrant, models.PROTECT, null=True, blank=True, related_name="review_items")
    # of an exception: its kind and its key there
    kind = models.CharField(max_length=20, blank=True)
    key = models.BigIntegerField(null=True, blank=True)
    content = models.JSONField()
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.PENDING)
    reason = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    # none is the system itself: what ended meanwhile, or what nobody reviewed in time
    decided_by = models.ForeignKey(Account, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["unit__path", "account__person__name", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=Outcome.values), name="review_item_outcome"),
            models.CheckConstraint(
                condition=Q(grant__isnull=False, kind="", key=None) | Q(grant=None, key__isnull=False) & ~Q(kind=""),
                name="review_item_of_one_thing",
            ),
            models.UniqueConstraint(fields=["review", "grant"], name="review_item_grant_once"),
            models.UniqueConstraint(
                fields=["review", "kind", "key"], condition=~Q(kind=""), name="review_item_key_once"
            ),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.PENDING, decided_at=None, decided_by=None, reason="")
                | ~Q(outcome=Outcome.PENDING) & Q(decided_at__isnull=False) & ~Q(reason=""),
                name="review_item_decided_with_reason",
            ),
            models.CheckConstraint(
                condition=~Q(outcome=Outcome.CONFIRMED) | Q(decided_by__isnull=False),
                name="review_item_confirmed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        # no name: the words of decisions stay for ever
        return f"{self.what} for account {str(self.account_id)[:8]}"

    @property
    def audit_object(self) -> models.Model:
        return self.account

    @property
    def what(self) -> str:
        """The access in words: a role on a unit, or a record that is read beside the roles."""
        return str(self.content["what"])

    @property
    def until(self) -> str:
        return str(self.content["until"])[:10]

    @property
    def is_pending(self) -> bool:
        return self.outcome == Outcome.PENDING
