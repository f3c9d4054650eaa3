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
    verb = models.TextField()
    outcome = models.TextField(choices=Outcome)
    actor = models.TextField()
    actor_name = models.TextField()
    actor_roles = models.JSONField(default=list)
    person = models.TextField(blank=True)
    on_behalf_of = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    request_id = models.TextField(blank=True)
    subject_type = models.TextField()
    subject_id = models.TextField()
    subject_label = models.TextField()
    object_type = models.TextField()
    object_id = models.TextField()
    object_seq = models.BigIntegerField()
    object_prev = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    payload = models.BinaryField()
    digest = models.TextField()

    objects = OpeningQuerySet["Event"].as_manager()

    class Meta:
        ordering = ["-position"]
        base_manager_name = "objects"
        constraints = [
            models.UniqueConstraint(fields=["object_type", "object_id", "object_seq"], name="event_chain"),
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
    event = models.ForeignKey(Event, models.PROTECT, related_name="changes", db_constraint=False, db_index=False)
    table = models.TextField()
    row = models.TextField()
    op = models.TextField()
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
