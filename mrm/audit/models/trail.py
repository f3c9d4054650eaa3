"""Events, the row changes they explain, and the outbox of events that still owe a reaction."""

import json
import uuid
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Func, Value

from mrm.audit.personal import OpeningQuerySet


class Governed(models.Model):
    """A table that changes only inside an audited action; the trigger refuses everything else."""

    class Meta:
        abstract = True

    @property
    def audit_object(self) -> models.Model:
        """The record whose timeline and chain an event on this row belongs to."""
        return self


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"


class WordsOf(Func):
    """The words of texts, in small letters; what joins words to one, such as a dash, parts them here."""

    template = "to_tsvector('simple', translate(%(expressions)s, '-./_:@', '      '))"
    arg_joiner = " || ' ' || "


class Event(models.Model):
    """One intent: who did what, to which record, why and when. Written once, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    position = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("audit_event_position"), function="nextval")
    )
    at = models.DateTimeField()
    verb = models.CharField(max_length=80)
    outcome = models.CharField(max_length=10, choices=Outcome)
    actor = models.CharField(max_length=150)
    actor_name = models.CharField(max_length=200)
    actor_roles = models.JSONField(default=list)
    person = models.CharField(max_length=40, blank=True)
    on_behalf_of = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    subject_type = models.CharField(max_length=80)
    subject_id = models.CharField(max_length=40)
    subject_label = models.CharField(max_length=300)
    object_type = models.CharField(max_length=80)
    object_id = models.CharField(max_length=40)
    object_seq = models.BigIntegerField()
    object_prev = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)
    payload = models.BinaryField()
    digest = models.CharField(max_length=64)

    objects = OpeningQuerySet["Event"].as_manager()

    class Meta:
        ordering = ["-position"]
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(fields=["object_type", "object_id", "object_seq"], name="event_chain"),
            models.CheckConstraint(condition=~models.Q(actor=""), name="event_has_actor"),
            models.CheckConstraint(condition=models.Q(outcome__in=Outcome.values), name="event_outcome"),
        ]
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "-position"], name="event_subject"),
            models.Index(fields=["verb", "-position"], name="event_verb"),
            models.Index(fields=["actor", "actor_name", "-position"], name="event_who"),
            models.Index(fields=["at"], name="event_at"),
            models.Index(fields=["-position"], condition=models.Q(outcome="refused"), name="event_refused"),
            GinIndex(WordsOf("subject_label", "reason"), name="event_words"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.verb}"

    @property
    def refused(self) -> bool:
        return self.outcome == Outcome.REFUSED

    def payload_as_json(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(bytes(self.payload))
        return content


class Change(models.Model):
    """One row before and after, written by the trigger alone."""

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(Event, models.PROTECT, related_name="changes", db_constraint=False)
    table = models.CharField(max_length=80)
    row = models.CharField(max_length=80)
    op = models.CharField(max_length=6)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    objects = OpeningQuerySet["Change"].as_manager()

    class Meta:
        ordering = ["id"]
        base_manager_name = "objects"
        indexes = [models.Index(fields=["table", "row"], name="change_row")]

    def __str__(self) -> str:
        return f"{self.op} {self.table} {self.row}"


class Undispatched(models.Model):
    """An event whose reactions have not run yet: the outbox, emptied by the dispatcher."""

    event = models.OneToOneField(Event, models.PROTECT, primary_key=True, db_constraint=False)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.event_id)
