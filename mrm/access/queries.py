"""Named reads of people, accounts and grants."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models import Q, QuerySet
from django.utils import timezone

from mrm.access import policies
from mrm.access.models import EXCEPTIONS, Account, AccountKind, BusinessUnit, Person, RoleGrant, Token
from mrm.access.roles import Role
from mrm.audit.models import Outcome
from mrm.audit.queries import of_subject
from mrm.core.actors import Actor
from mrm.core.refusal import Refused
from mrm.core.registry import Registry


@dataclass(frozen=True)
class Door:
    """A way on from a page; `closed` says why it is not open, empty when it is."""

    label: str
    url: str
    closed: str


@dataclass(frozen=True)
class Panel:
    """A part of a page that an area above fills."""

    template: str
    context: dict[str, Any]


# what areas above offer on a person's page and in the list of people, by name
PERSON_DOORS: Registry[Callable[[Person, Account], Door]] = Registry("door on a person's page")
PERSON_PANELS: Registry[Callable[[Person, Account], Panel]] = Registry("panel of a person's page")
PEOPLE_NOTES: Registry[Callable[[Iterable[Person]], dict[UUID, list[str]]]] = Registry("note in the list of people")


def accounts() -> QuerySet[Account]:
    return Account.objects.select_related("person__unit")


def account_of(actor: Actor) -> Account | None:
    """The account that acts; None when the system itself does."""
    return actor if isinstance(actor, Account) else None


def persons() -> QuerySet[Person]:
    return Person.objects.select_related("unit")


def persons_named_to(account: Account) -> QuerySet[Person]:
    """People are named to those who hold a role here; an account without one finds nobody."""
    return persons() if account.may("view") else persons().none()


def root_unit() -> BusinessUnit:
    """The institution as a whole: what concerns everybody belongs to it."""
    root = BusinessUnit.objects.filter(parent=None).order_by("path").first()
    if root is None:
        raise Refused("There is no business unit yet; an administrator adds the institution first.")
    return root


def units_within(roots: Iterable[BusinessUnit]) -> QuerySet[BusinessUnit]:
    """The given units and everything below them."""
    reach = Q(pk__in=[])
    for root in roots:
        reach |= Q(path__startswith=root.path)
    return BusinessUnit.objects.filter(reach)


def unit_ids_for(account: Account, permission: str) -> QuerySet[BusinessUnit, Any]:
    """Ids of every unit that the account's roles reach with the permission; none for an inactive account.

    A query to filter with: it is read as part of the one it serves.
    """
    roots = account.units_for(permission) if account.is_active else []
    return units_within(roots).order_by().values("pk")


def holders(role: str, unit: BusinessUnit) -> QuerySet[Account]:
    """Active personal accounts that hold the role on the unit."""
    above = [unit.path[: place + 1] for place, sign in enumerate(unit.path) if sign == "/"]
    grants = RoleGrant.objects.in_force().filter(role=role, unit__path__in=above)
    return accounts().filter(role_grants__in=grants, is_active=True, kind=AccountKind.PERSONAL).distinct()


def roles_of_person(person: Person) -> set[str]:
    return set(RoleGrant.objects.in_force().filter(account__person=person).values_list("role", flat=True))


def against_holding(account: Account, role: str, unit: BusinessUnit) -> list[str]:
    """Every reason why the account cannot hold the role there now."""
    closed = None if account.is_active else f"The account {account.username} is closed."
    again = account.role_grants.filter(role=role, unit=unit, revoked_at=None).exists()
    reasons = (
        closed,
        policies.compatible(roles_of_person(account.person), role),
        policies.person_not_machine(account, role),
        f"The account holds {Role(role).label.lower()} on {unit.name} already." if again else None,
    )
    return [reason for reason in reasons if reason]


def is_being_founded() -> bool:
    """Whether nobody was ever given a role that signs, but in the transaction that runs now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_being_founded()")
        return bool(cursor.fetchone()[0])


def grants_in_force() -> QuerySet[RoleGrant]:
    return RoleGrant.objects.in_force().select_related("account__person", "unit")


def held_by_role(account: Account) -> dict[str, list[str]]:
    """Who holds each role now, with the unit, among the people whose roles the account may inspect."""
    found: dict[str, list[str]] = {}
    known = grants_in_force().filter(account__is_active=True, account__person__in=persons_visible_to(account))
    for grant in known.order_by("account__person__name", "unit__path"):
        found.setdefault(grant.role, []).append(f"{grant.account.name}, {grant.unit.name}")
    return found


def usable_token(secret: str) -> Token | None:
    """The live token behind a secret, with its account and person."""
    return Token.objects.usable().named(secret).select_related("account__person__unit").first()


def reading(record: models.Model) -> Permission:
    """The permission row behind an exception: to read the record, and never more."""
    kind = ContentType.objects.get_for_model(type(record))
    return Permission.objects.get(content_type=kind, codename=f"view_{kind.model}")


def exceptions(kind: str) -> "QuerySet[Any]":
    """Every exception of a kind there was, with its account, record and unit; the last to end first."""
    related = ("user__person__unit", "content_object__unit", "granted_by__person")
    found: QuerySet[Any] = EXCEPTIONS[kind].objects.select_related(*related)
    return found.order_by("-until", "pk")


def exceptions_visible_to(account: Account, kind: str) -> "QuerySet[Any]":
    """Those on records of the units that the account keeps or audits."""
    return exceptions(kind).filter(content_object__unit__in=unit_ids_for(account, "audit.view"))


def failed_confirmations(account: Account) -> int:
    """How often, in the last quarter of an hour, the account failed to confirm who signs."""
    since = timezone.now() - dt.timedelta(minutes=15)
    failed = of_subject(account).filter(verb="access.confirm_identity", outcome=Outcome.REFUSED, at__gt=since)
    return failed.count()


def persons_visible_to(account: Account) -> QuerySet[Person]:
    """The people whose roles the account may inspect: those of the units it keeps or audits."""
    return persons().filter(unit__in=unit_ids_for(account, "audit.view"))


def units_visible_to(account: Account) -> QuerySet[BusinessUnit]:
    return BusinessUnit.objects.filter(pk__in=unit_ids_for(account, "view"))


def units_open_to(account: Account, permission: str) -> QuerySet[BusinessUnit]:
    """The units in which the account may use the permission: what a form offers."""
    return BusinessUnit.objects.filter(pk__in=unit_ids_for(account, permission))


def accounts_of(person: Person) -> QuerySet[Account]:
    """The accounts a natural person acts through, with their tokens and every grant there was."""
    grants = models.Prefetch(
        "role_grants", RoleGrant.objects.select_related("unit", "granted_by", "revoked_by").order_by("-since")
    )
    return accounts().filter(person=person).prefetch_related(grants, "tokens").order_by("kind", "username")


def grants_visible_to(account: Account) -> QuerySet[RoleGrant]:
    return RoleGrant.objects.filter(account__person__in=persons_visible_to(account)).select_related(
        "account__person", "unit"
    )


def tokens_visible_to(account: Account) -> QuerySet[Token]:
    """One's own tokens, those of service accounts one answers for, and those one may inspect."""
    reach = Q(account__person=account.person_id) | Q(account__person__in=persons_visible_to(account))
    return Token.objects.filter(reach).select_related("account__person__unit")


def person_with_email(email: str) -> Person | None:
    return persons().filter(email__iexact=email.strip()).first()
