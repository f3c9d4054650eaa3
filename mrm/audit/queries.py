"""Named reads of the trail."""

import datetime as dt
import hashlib
import operator
import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from django.db import connection, models
from django.db.models import BooleanField, Func, Q, Value

from mrm.audit import personal
from mrm.audit.models import Checkpoint, Event, Leaf, Outcome, Place, WordsOf
from mrm.audit.trail import SENTENCES
from mrm.audit.tree import StoredTree
from mrm.core.registry import Registry


def timeline(record: models.Model) -> models.QuerySet[Event]:
    """Every event on a record and on what belongs to it, newest first, as they are chained."""
    own = Event.objects.filter(object_type=record._meta.label_lower, object_id=str(record.pk))
    return own.order_by("-object_seq")


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


def labels_of(records: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """What the trail last called each record, by kind and key; one query, one index probe for each record."""
    wanted = sorted(records)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT r.kind, r.key, e.subject_label FROM unnest(%s::text[], %s::text[]) AS r(kind, key)
            CROSS JOIN LATERAL (SELECT subject_label FROM audit_event WHERE subject_type = r.kind AND subject_id = r.key
                                ORDER BY position DESC LIMIT 1) AS e
            """,
            [[kind for kind, _ in wanted], [key for _, key in wanted]],
        )
        rows = cursor.fetchall()
    names = personal.opened(label for _, _, label in rows if personal.is_commitment(label))
    return {(kind, key): names.get(label, label) for kind, key, label in rows}


def sentence(event: Event) -> str:
    """What the event says after the actor's name; verbs no longer in use read as themselves."""
    words = SENTENCES.get(event.verb) or event.verb.replace(".", " ").replace("_", " ") + " {subject}"
    return words.format_map(_Words({**event.details, "subject": event.subject_label}))


class _Words(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "–"


def object_called(kind: str, text: str) -> str | None:
    """The key of the object of a kind with this key or, by what the trail called it last, this name."""
    named = Event.objects.filter(subject_type=kind).filter(Q(subject_id=text) | Q(subject_label=text))
    return named.values_list("object_id", flat=True).first()


def place_of(event: Event) -> Leaf | None:
    """The event's place in the log, or None while it waits for one."""
    return Leaf.objects.filter(event=event).first()


def places(records: Iterable[models.Model], verb: str) -> dict[str, Place]:
    """For records of one kind, by key, the event with the verb that they were the subject of last; one query."""
    listed = list(records)
    if not listed:
        return {}
    found = Event.objects.filter(
        verb=verb, outcome=Outcome.DONE, subject_type=listed[0]._meta.label_lower,
        subject_id__in=[str(record.pk) for record in listed],
    )  # fmt: skip
    rows = found.order_by("position").values_list("subject_id", "pk", "leaf__index")
    return {key: Place(event, index) for key, event, index in rows}


def receipt_of(event: Event) -> str | None:
    """The proof that the event stands in the log, under the first checkpoint that covers it; None while it waits."""
    place = place_of(event)
    signed = Checkpoint.objects.filter(size__gt=place.index).order_by("epoch", "size").first() if place else None
    if place is None or signed is None:
        return None
    with connection.cursor() as cursor:
        return StoredTree(cursor).receipt(place.index, signed.note)


MOST_CALLED = 200  # events looked at for the records of a name

# who may read the events of a record without reading the whole trail: object type to a test on its id
READERS: Registry[Callable[[Any, str], bool]] = Registry("reader of events")


def reads_everything(account: Any) -> bool:
    """The trail is not cut by unit: only who may audit the whole institution reads all of it."""
    return not account.lacks("audit.view", None) and any(
        unit.parent_id is None for unit in account.units_for("audit.view")
    )


def readable_by(event: Event, account: Any) -> bool:
    """Whether the account may read this event: it audits everything, or it sees the record."""
    reader = READERS.get(event.object_type)
    return reads_everything(account) or bool(reader and reader(account, event.object_id))


def trail(
    *,
    text: str = "",
    record: str = "",
    actor: str = "",
    verb: str = "",
    area: str = "",
    refused: bool = False,
    since: dt.date | None = None,
    until: dt.date | None = None,
) -> models.QuerySet[Event]:
    """The events that fit every condition given, newest first; days are days in UTC. Each condition has its index."""
    found = Event.objects.all()
    if text:
        found = found.filter(_has_words(text))
    if record:
        found = found.filter(_of_record(record))
    if actor:
        found = found.filter(_is_by(actor))
    if verb:
        found = found.filter(verb=verb)
    if area:
        found = found.filter(verb__in=[each for (each,) in _distinct("verb") if each.startswith(f"{area}.")])
    if refused:
        found = found.filter(outcome="refused")
    if since or until:
        found = found.order_by("-at", "-position")
    if since:
        found = found.filter(at__gte=dt.datetime.combine(since, dt.time.min, dt.UTC))
    if until:
        found = found.filter(at__lt=dt.datetime.combine(until + dt.timedelta(days=1), dt.time.min, dt.UTC))
    return found


def trail_size() -> int:
    """How many events there are: those that have a place in the log, which are not counted one by one, and those
    that wait for one."""
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT coalesce((SELECT max("index") + 1 FROM audit_leaf), 0) + (SELECT count(*) FROM audit_pending)'
        )
        return int(cursor.fetchone()[0])


def _has_words(text: str) -> Func | Q:
    """Record or reason holds words that begin with each of those given, in any order."""
    words = re.findall(r"[^\W_]+", text.lower())
    if not words:
        return Q(pk__in=[])
    query = Func(Value(" & ".join(f"{word}:*" for word in words)), template="to_tsquery('simple', %(expressions)s)")
    words_of = WordsOf("subject_label", "reason")
    return Func(words_of, query, template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())


def _of_record(told: str) -> Q:
    """On the chain of the record with this key, or of those that the trail has called by this name."""
    wanted = told.strip()
    found = reduce(
        operator.or_, (Q(object_type=kind, object_id=wanted) for (kind,) in _distinct("object_type")), Q(pk__in=[])
    )
    called = Event.objects.filter(_has_words(wanted), subject_label__iexact=wanted)
    for kind, key in set(called.values_list("object_type", "object_id")[:MOST_CALLED]):
        found |= Q(object_type=kind, object_id=key)
    return found


def _is_by(who: str) -> Q:
    """Done through the account of this name, or by somebody whose name holds it, whatever he is called today."""
    wanted = who.casefold()
    found = Q(pk__in=[])
    known = _distinct("actor", "actor_name")
    names = personal.opened(each for pair in known for each in pair if personal.is_commitment(each))
    for actor, name in known:
        if names.get(actor, actor).casefold() == wanted or wanted in names.get(name, name).casefold():
            found |= Q(actor=actor, actor_name=name)
    return found


def _distinct(*columns: str) -> list[tuple[str, ...]]:
    """What the columns at the head of an index hold, from one value to the next, without reading all events."""
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH RECURSIVE found AS (
              (SELECT {names} FROM audit_event ORDER BY {names} LIMIT 1)
              UNION ALL
              SELECT n.* FROM found AS f CROSS JOIN LATERAL (
                SELECT {names} FROM audit_event WHERE ({names}) > ({", ".join(f"f.{each}" for each in columns)})
                 ORDER BY {names} LIMIT 1) AS n
            ) SELECT {names} FROM found
            """
        )
        return list(cursor.fetchall())


def neighbours(event: Event) -> dict[int, Event]:
    """The events before and after on the same record's chain, by their place in it."""
    near = Event.objects.filter(object_type=event.object_type, object_id=event.object_id)
    found = near.filter(object_seq__in=[event.object_seq - 1, event.object_seq + 1])
    return {each.object_seq: each for each in found}


def is_as_written(event: Event) -> bool:
    """The stored bytes still give the event's digest."""
    return hashlib.sha256(b"\x00" + bytes(event.payload)).hexdigest() == event.digest
