"""Named reads of people, accounts and grants."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models import Q, QuerySet
from django.utils import timezone

from mrm.access import policies
from mrm.access.models import (
    EXCEPTIONS,
    Account,
    AccountKind,
    BusinessUnit,
    Factor,
    GroupGrant,
    Link,
    Method,
    Person,
    RoleGrant,
    Token,
)
from mrm.access.roles import Role
from mrm.access.second_factors import decoded, request_options
from mrm.access.single_sign_on import Claims
from mrm.audit.models import Outcome
from mrm.audit.queries import of_subject
from mrm.core.actors import Actor
from mrm.core.canonical import digest
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


def failures(account: Account, verb: str) -> int:
    """How often, in the last quarter of an hour, the account failed to confirm who it is."""
    since = timezone.now() - dt.timedelta(minutes=15)
    return of_subject(account).filter(verb=verb, outcome=Outcome.REFUSED, at__gt=since).count()


def factors_of(account: Account) -> "QuerySet[Factor]":
    return Factor.objects.filter(user=account).select_related("user__person").order_by("type", "pk")


def factors_visible_to(account: Account) -> "QuerySet[Factor]":
    """The second factors of the people whom the account may inspect; never what is secret in them."""
    visible = Factor.objects.filter(user__person__in=persons_visible_to(account))
    return visible.select_related("user__person__unit").exclude(type=Factor.Type.RECOVERY_CODES)


def has_second_factor(account: Account) -> bool:
    """Whether signing in asks for more than the password; recovery codes alone are none."""
    return factors_of(account).filter(type__in=[Method.TOTP, Method.WEBAUTHN]).exists()


def methods_of(account: Account) -> set[str]:
    """By which of the methods the account can confirm who it is."""
    held = {Method.PASSWORD.value} if account.has_usable_password() else set()
    return held | (set(factors_of(account).values_list("type", flat=True)) & set(Method.values))


WAYS = (
    (Method.WEBAUTHN, "Signs this statement itself", "Not set up: add a security key on your account page."),
    (Method.TOTP, "6-digit code", "Not set up: add an authenticator app on your account page."),
    (Method.PASSWORD, "The one you sign in with", "Your account has no password."),
)


@dataclass(frozen=True)
class Way:
    """A way to confirm who signs: open, or closed with the reason."""

    method: str
    label: str
    sub: str
    reason: str
    checked: bool = False


def ways(account: Account, refused: Callable[[str], str | None] = lambda method: None) -> list[Way]:
    """What is taken and the person has, the strongest that is open chosen first."""
    held = methods_of(account)
    found: list[Way] = []
    for method, sub, lacking in WAYS:
        reason = refused(method) or ("" if method in held else lacking)
        first = not reason and not any(way.checked for way in found)
        found.append(Way(method, str(method.label), sub, reason, checked=first))
    return found


def key_options(statement: Mapping[str, Any], account: Account) -> dict[str, Any] | None:
    """What a browser needs to have a security key answer the statement; None when the person has no key."""
    known = credential_ids(account)
    return request_options(bytes.fromhex(digest(statement)), known) if known else None


def credential_ids(account: Account) -> list[bytes]:
    """The ids of the account's security keys."""
    return [decoded(factor.credential) for factor in factors_of(account).filter(type=Method.WEBAUTHN)]


def is_known_credential(credential: str) -> bool:
    """Whether a security key is set up for anybody."""
    return Factor.objects.filter(type=Method.WEBAUTHN, data__credential__id=credential).exists()


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
    factors = models.Prefetch(
        "authenticator_set", Factor.objects.exclude(type=Factor.Type.RECOVERY_CODES).order_by("pk"), to_attr="factors"
    )
    found = accounts().filter(person=person).prefetch_related(grants, "tokens", factors)
    return found.order_by("kind", "username")


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


def linked_account(digest: str) -> Account | None:
    """The account that an identity at the provider was linked to."""
    link = Link.objects.select_related("account__person__unit").filter(digest=digest).first()
    return link.account if link else None


def known_by(claims: Claims) -> models.Model:
    """Where an arrival through single sign-on is written down: his account, his person, else the institution."""
    account = linked_account(claims.digest)
    person = person_with_email(claims.email) if claims.email and account is None else None
    if person is not None:
        account = accounts().filter(person=person, kind=AccountKind.PERSONAL).first()
    return account or person or institution()


def institution() -> BusinessUnit:
    """The root of the units; there is one from the first start on."""
    return BusinessUnit.objects.order_by("path")[0]


def unit_named(key: str) -> BusinessUnit | None:
    return BusinessUnit.objects.filter(key=key).first()


def roles_of_groups(groups: Iterable[str]) -> dict[tuple[str, str], str]:
    """Role and unit that the groups give by configuration, each with the group it comes from."""
    mapping = settings.SSO.roles if settings.SSO else {}
    return {given: group for group in sorted(groups) for given in mapping.get(group, ())}


def group_grants(account: Account) -> "QuerySet[GroupGrant]":
    """The grants in force that came from groups."""
    return GroupGrant.objects.filter(grant__account=account, grant__revoked_at=None).select_related("grant__unit")


def roles_in_force(account: Account) -> set[tuple[str, str]]:
    """Role and unit's key of every grant that was not revoked, wherever it came from."""
    return set(RoleGrant.objects.filter(account=account, revoked_at=None).values_list("role", "unit__key"))
