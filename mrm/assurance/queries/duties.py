"""Separation of duties: what was refused, roles that one person held together, and two parts of one person."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Case, CharField, Count, F, Q, QuerySet, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from mrm.access.models import Account, BusinessUnit, Person, RoleGrant
from mrm.access.queries import units_within
from mrm.access.roles import INCOMPATIBLE
from mrm.audit import reading
from mrm.audit.models import Event, Outcome
from mrm.deployment.models import Target
from mrm.inventory.models import Model
from mrm.signoff.models import Decision, Vote

BATCH = 500
AREAS = ("signoff.", "approval.", "validation.", "deployment.")
OTHER = "other"
# the kinds of rule, and the words of a refusal that tell it; the first that fits
KINDS: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
    ("recused", _("Had stepped aside"), ("declared a conflict of interest",)),
    (
        "apart",
        _("Two duties that exclude each other"),
        (" apart.", "one person is not also", "You signed for this version", "a validator does not approve"),
    ),
    ("delegate", _("For another without the right to"), ("for another who may not", "lets you sign", "no delegate")),
    (
        "own",
        _("Would judge his own work, or himself"),
        (
            "You may not sign: you", "You may not validate", "You may not verify", "You may not review",
            "You remediated this finding", "You owe this condition", "You are a party", "grant a role to yourself",
        ),
    ),
    ("twice", _("Signs twice, or twice for a unit"), ("a person counts once", "was signed before", "unit has signed")),
    ("machine", _("A machine in a person's place"), ("service account", "is no person", "a machine or a token")),
    ("role", _("Without the role"), ("hold no such role", "token does not cover", "account is closed")),
)  # fmt: skip
# where the record of an event belongs: the kind of record, and how its unit is found
PLACES: tuple[tuple[type[Any], str], ...] = (
    (Model, "unit"), (Account, "person__unit"), (Person, "unit"), (Target, "unit"),
)  # fmt: skip


@dataclass(frozen=True)
class Attempt:
    """A refused attempt as people read it; `unit` is that of the record, empty where it has none."""

    entry: reading.Entry
    kind: str
    unit: str

    @property
    def event(self) -> Event:
        return self.entry.event

    @property
    def title(self) -> str:
        return title_of(self.kind)


@dataclass(frozen=True)
class KindCount:
    kind: str
    title: str
    count: int


@dataclass(frozen=True)
class Pair:
    """Two grants whose roles exclude each other and that one person held at once; no end means still."""

    one: RoleGrant
    other: RoleGrant
    since: dt.datetime
    until: dt.datetime | None

    @property
    def person(self) -> Person:
        return self.one.account.person


def title_of(kind: str) -> str:
    return next((str(title) for key, title, _words in KINDS if key == kind), str(_("Evidence, order or state")))


def kinds() -> list[tuple[str, str]]:
    return [(key, str(title)) for key, title, _words in KINDS] + [(OTHER, title_of(OTHER))]


def attempts(
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    unit: BusinessUnit | None = None,
    person: Person | None = None,
    kind: str = "",
) -> QuerySet[Event]:
    """What was refused of signing, approving, validating, deploying and granting roles, newest first.

    Each event carries the `kind` of rule that its reasons tell.
    """
    area = reduce(or_, (Q(verb__startswith=name) for name in AREAS), Q(verb="access.grant"))
    words = KeyTextTransform("reasons", "details")
    found = Event.objects.filter(area, outcome=Outcome.REFUSED).alias(words=words).annotate(kind=_kind())
    if since:
        found = found.filter(at__gte=_start(since))
    if until:
        found = found.filter(at__lt=_start(until + dt.timedelta(days=1)))
    if unit:
        found = found.filter(_in_unit(unit))
    if person:
        found = found.filter(person=str(person.pk))
    return found.filter(kind=kind) if kind else found


def no_attempts() -> QuerySet[Event]:
    """What a question that is not well formed finds."""
    return attempts().none()


def told(events: Iterable[Event]) -> list[Attempt]:
    """The events in words, with the unit of each record; a number of queries that does not grow with them."""
    entries = reading.entries(events)
    units = _units(entry.event for entry in entries)
    return [
        Attempt(entry, str(vars(entry.event)["kind"]), units.get((entry.event.object_type, entry.event.object_id), ""))
        for entry in entries
    ]


def all_told(found: QuerySet[Event]) -> Iterator[Attempt]:
    """The same for a list of any length, a batch at a time."""
    batch = list(found.order_by("-position")[:BATCH])
    while batch:
        yield from told(batch)
        batch = list(found.filter(position__lt=batch[-1].position).order_by("-position")[:BATCH])


def kind_counts(found: QuerySet[Any]) -> list[KindCount]:
    """How many attempts met each kind of rule, the most first; kinds that none met are left out."""
    counted = found.order_by().values("kind").annotate(n=Count("pk")).values_list("kind", "n")
    return [KindCount(kind, title_of(kind), n) for kind, n in sorted(counted, key=lambda row: (-row[1], row[0]))]


def pairs(
    *, since: dt.date | None = None, until: dt.date | None = None, unit: BusinessUnit | None = None,
    person: Person | None = None,
) -> list[Pair]:  # fmt: skip
    """Roles that exclude each other and that one person held at overlapping times, past ones included."""
    concerned = {role for pair in INCOMPATIBLE for role in pair}
    grants = RoleGrant.objects.filter(role__in=concerned)
    several = grants.order_by().values("account__person").annotate(n=Count("role", distinct=True)).filter(n__gt=1)
    grants = grants.filter(account__person__in=several.values("account__person"))
    if person:
        grants = grants.filter(account__person=person)
    held: dict[Any, list[RoleGrant]] = {}
    for grant in grants.select_related("account__person", "unit", "granted_by__person").order_by("since", "pk"):
        held.setdefault(grant.account.person_id, []).append(grant)
    found = [pair for own in held.values() for pair in _overlapping(own)]
    start, end = (_start(since) if since else None), (_start(until + dt.timedelta(days=1)) if until else None)
    return [
        pair
        for pair in sorted(found, key=lambda pair: pair.since, reverse=True)
        if (start is None or pair.until is None or pair.until > start)
        and (end is None or pair.since < end)
        and (unit is None or unit.contains(pair.one.unit) or unit.contains(pair.other.unit))
    ]


def double_parts(
    *, since: dt.date | None = None, until: dt.date | None = None, unit: BusinessUnit | None = None,
    person: Person | None = None,
) -> QuerySet[Vote]:  # fmt: skip
    """Votes of people, or in the place of people, who are parties to what was asked; `part` says how.

    The database takes no vote of a party: these took their other part after they had signed.
    """
    is_party = Q(request__exclusions__person=F("person")) | Q(request__exclusions__person=F("principal"))
    found = Vote.objects.filter(is_party).exclude(decision=Decision.WITHDRAW)
    if since:
        found = found.filter(signed_at__gte=_start(since))
    if until:
        found = found.filter(signed_at__lt=_start(until + dt.timedelta(days=1)))
    if unit:
        found = found.filter(request__unit__in=units_within([unit]).order_by().values("pk"))
    if person:
        found = found.filter(person=person)
    known = found.annotate(part=F("request__exclusions__reason"), party=F("request__exclusions__person__name"))
    return known.select_related("person", "request__unit").order_by("-signed_at", "pk")


def _overlapping(own: list[RoleGrant]) -> Iterator[Pair]:
    for first, second in INCOMPATIBLE:
        for one in (grant for grant in own if grant.role == first):
            for other in (grant for grant in own if grant.role == second):
                since = max(one.since, other.since)
                until = min((end for grant in (one, other) for end in _ends(grant)), default=None)
                if until is None or since < until:
                    yield Pair(one, other, since, until)


def _ends(grant: RoleGrant) -> list[dt.datetime]:
    return [end for end in (grant.until, grant.revoked_at) if end]


def _start(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time.min, dt.UTC)


def _kind() -> Case:
    """The first kind of rule of whose words the reasons hold any."""
    cases = [
        When(reduce(or_, (Q(words__contains=phrase) for phrase in phrases)), then=Value(key))
        for key, _title, phrases in KINDS
    ]
    return Case(*cases, default=Value(OTHER), output_field=CharField())


def _in_unit(unit: BusinessUnit) -> Q:
    """The record belongs to the unit or to one below it."""
    found = Q(pk__in=[])
    for kind, path in PLACES:
        inside = kind.objects.filter(**{f"{path}__path__startswith": unit.path}).order_by()
        keys = inside.annotate(told=Cast("pk", CharField())).values("told")
        found |= Q(object_type=kind._meta.label_lower, object_id__in=keys)
    return found


def _units(events: Iterable[Event]) -> dict[tuple[str, str], str]:
    """What the units of the records are called; one query for each kind of record."""
    wanted: dict[str, set[str]] = {}
    for event in events:
        wanted.setdefault(event.object_type, set()).add(event.object_id)
    found: dict[tuple[str, str], str] = {}
    for kind, path in PLACES:
        label = kind._meta.label_lower
        if keys := wanted.get(label):
            rows = kind.objects.filter(pk__in=keys).order_by().values_list("pk", f"{path}__name")
            found |= {(label, str(key)): name for key, name in rows}
    return found
