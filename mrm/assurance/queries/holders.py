"""Who holds which role since when, granted by whom and until when, as of a day."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit, Person, RoleGrant
from mrm.access.queries import persons_visible_to, unit_ids_for
from mrm.audit.models import Event, Outcome

BATCH = 1000
SYSTEM = "the system"


@dataclass(frozen=True)
class Holding:
    """A grant as it stood at a moment; `closed` is when its account was closed, if it was by then."""

    grant: RoleGrant
    moment: dt.datetime
    closed: dt.datetime | None

    @property
    def ended(self) -> dt.datetime | None:
        """When the role ended, if it had by then: it ran out, or it was revoked before that."""
        ends = [end for end in (self.grant.until, self.grant.revoked_at) if end and end <= self.moment]
        return min(ends, default=None)

    @property
    def revoked(self) -> bool:
        return self.ended is not None and self.ended == self.grant.revoked_at

    @property
    def state(self) -> str:
        """held, ended, or idle: nobody acts through an account that is closed."""
        if self.ended:
            return "ended"
        return "idle" if self.closed else "held"

    @property
    def granted_by(self) -> str:
        return self.grant.granted_by.name if self.grant.granted_by else SYSTEM


def moment_of(day: dt.date | None) -> dt.datetime:
    """The end of a past day in UTC; now for today and for no day."""
    now = timezone.now()
    return now if day is None or day >= now.date() else dt.datetime.combine(day, dt.time.max, dt.UTC)


def role_grants(
    account: Account,
    *,
    moment: dt.datetime,
    role: str = "",
    unit: BusinessUnit | None = None,
    person: Person | None = None,
    ended: bool = False,
) -> QuerySet[RoleGrant]:
    """Grants on units that the account audits, made by then; with `ended` also those that were over by then.

    A unit finds the roles that reach into it: granted on it, below it, or above it.
    """
    found = RoleGrant.objects.filter(unit__in=unit_ids_for(account, "audit.view"), since__lte=moment)
    if not ended:
        found = found.filter(Q(until=None) | Q(until__gt=moment), Q(revoked_at=None) | Q(revoked_at__gt=moment))
    if role:
        found = found.filter(role=role)
    if unit:
        above = [unit.path[: place + 1] for place, sign in enumerate(unit.path) if sign == "/"]
        found = found.filter(Q(unit__path__startswith=unit.path) | Q(unit__path__in=above))
    if person:
        found = found.filter(account__person=person)
    related = ("account__person__unit", "unit", "granted_by__person", "revoked_by__person")
    return found.select_related(*related).order_by("account__person__name", "account__username", "role", "since", "pk")


def no_grants() -> QuerySet[RoleGrant]:
    """What a question that is not well formed finds."""
    return RoleGrant.objects.none()


def holdings(grants: Iterable[RoleGrant], moment: dt.datetime) -> list[Holding]:
    """The grants as they stood then; one query for the accounts that were closed."""
    listed = list(grants)
    closings = Event.objects.filter(
        verb="access.deactivate", outcome=Outcome.DONE, subject_type=Account._meta.label_lower, at__lte=moment,
        subject_id__in={str(grant.account_id) for grant in listed},
    )  # fmt: skip
    closed = dict(closings.order_by("-position").values_list("subject_id", "at"))
    return [Holding(grant, moment, closed.get(str(grant.account_id))) for grant in listed]


def all_holdings(grants: QuerySet[RoleGrant], moment: dt.datetime) -> Iterator[Holding]:
    """The same for a list of any length, a batch at a time."""
    rows = grants.iterator(BATCH)
    while batch := list(islice(rows, BATCH)):
        yield from holdings(batch, moment)


def persons_by_role(grants: QuerySet[RoleGrant]) -> dict[str, int]:
    """How many persons hold each role among the grants."""
    counted = grants.order_by().values("role").annotate(persons=Count("account__person", distinct=True))
    return dict(counted.values_list("role", "persons"))


def open_persons(account: Account, grants: Iterable[RoleGrant]) -> set[UUID]:
    """Of the persons behind the grants those whose page the account may open."""
    wanted = {grant.account.person_id for grant in grants}
    return set(persons_visible_to(account).filter(pk__in=wanted).values_list("pk", flat=True))
