"""Named reads of the trail."""

from typing import Any

from django.db import models

from mrm.audit.models import Event
from mrm.audit.trail import SENTENCES


def timeline(record: models.Model) -> models.QuerySet[Event]:
    """Every event on a record and on what belongs to it, newest first."""
    return Event.objects.filter(object_type=record._meta.label_lower, object_id=str(record.pk))


def of_subject(record: models.Model) -> models.QuerySet[Event]:
    """Events on exactly this row, newest first."""
    return Event.objects.filter(subject_type=record._meta.label_lower, subject_id=str(record.pk))


def by_person(person: str) -> models.QuerySet[Event]:
    """Everything one natural person did, through any account."""
    return Event.objects.filter(person=person)


def contributors(record: models.Model, verbs: tuple[str, ...]) -> dict[str, str]:
    """Person id to name of everyone whose event with one of the verbs touched the row."""
    rows = of_subject(record).filter(verb__in=verbs, outcome="done").exclude(person="")
    return dict(rows.values_list("person", "actor_name"))


def sentence(event: Event) -> str:
    """What the event says after the actor's name; verbs no longer in use read as themselves."""
    words = SENTENCES.get(event.verb) or event.verb.replace(".", " ").replace("_", " ") + " {subject}"
    return words.format_map(_Words({**event.details, "subject": event.subject_label}))


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "–"
