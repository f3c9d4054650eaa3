"""Named changes to people, accounts, roles and tokens."""

import datetime as dt
import hashlib
import secrets
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from mrm.access import policies, queries
from mrm.access.models import (
    EXCEPTIONS,
    Account,
    AccountKind,
    BusinessUnit,
    Factor,
    Link,
    ObjectException,
    Person,
    RoleGrant,
    Token,
)
from mrm.access.roles import Role
from mrm.audit.trail import audited, describe, veiled
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Forbidden, Invalid, Refused


@audited("access.add_unit", "added the business unit {subject}")
def add_unit(*, key: str, name: str, parent: BusinessUnit | None, actor: Actor) -> BusinessUnit:
    """Put a unit into the organisation's tree."""
    permit(actor, "access.add_unit", parent)
    if BusinessUnit.objects.filter(key=key).exists():
        raise Invalid(f"The key {key} is taken.", fields={"key": ["Taken by another unit."]})
    path = (parent.path if parent else "/") + f"{key}/"
    return BusinessUnit.objects.create(key=key, name=name, parent=parent, path=path)


@audited("access.add_person", "added {subject}")
def add_person(*, name: str, email: str, unit: BusinessUnit, actor: Actor) -> Person:
    """Enter a natural person, once: accounts are compared through the person."""
    permit(actor, "access.add_person", unit)
    if Person.objects.filter(email__iexact=email).exists():
        raise Invalid(f"{email} belongs to a person already entered.", fields={"email": ["Already entered."]})
    return Person.objects.create(name=name, email=email.lower(), unit=unit)


@audited("access.add_account", "opened the account {subject}")
def add_account(
    *, username: str, person: Person, password: str | None, kind: str = AccountKind.PERSONAL, actor: Actor
) -> Account:
    """Open an account for a person, or a service account that the person answers for."""
    permit(actor, "access.add_account", person)
    if Account.objects.filter(username__iexact=username).exists():
        raise Invalid(f"The name {username} is taken.", fields={"username": ["Taken by another account."]})
    account = Account(username=username.lower(), person=person, kind=kind)
    if kind == AccountKind.SERVICE or password is None:
        account.set_unusable_password()
    else:
        _check_strength(password, account)
        account.set_password(password)
    account.save(force_insert=True)
    return account


@audited("access.change_password", "changed the password of {subject}")
def change_password(account: Account, *, password: str, actor: Actor) -> Account:
    """A person changes his own password."""
    if actor.identity.key != account.username:
        raise Refused("Only the person himself changes a password.")
    _check_strength(password, account)
    account.set_password(password)
    account.save(update_fields=["password"])
    return account


@audited("access.deactivate", "closed the account {subject}")
def deactivate(account: Account, *, reason: str, actor: Actor) -> Account:
    """Close an account; it stays in the record for ever."""
    permit(actor, "access.deactivate", account)
    account.is_active = False
    account.save(update_fields=["is_active"])
    return account


def rename(person: Person, name: str) -> None:
    """Replace every name of a person, inside an action of whoever may: his own, his address, those of his accounts.

    What he signed in with goes as well.
    """
    Factor.objects.filter(user__person=person).delete()
    Link.objects.filter(account__person=person).delete()
    person.name, person.email = name, f"{name}@erased.invalid"
    person.save(update_fields=["name", "email"])
    for number, account in enumerate(person.accounts.order_by("created_at"), 1):
        account.username = name if number == 1 else f"{name}-{number}"
        account.set_unusable_password()
        account.save(update_fields=["username", "password"])


@audited("access.grant", "granted {role} on {unit} to {account}")
def grant(
    account: Account, *, role: str, unit: BusinessUnit, actor: Actor, until: dt.datetime | None = None
) -> RoleGrant:
    """Give a role on a unit and everything below it."""
    permit(actor, "access.grant", unit)
    refusals = (policies.not_to_oneself(actor.identity.person, account), policies.signed_for(role))
    if reasons := [reason for reason in refusals if reason]:
        raise Refused(*reasons)
    return give(account, role=role, unit=unit, until=until, granted_by=queries.account_of(actor))


@audited("access.appoint", "appointed {account} as {role} on {unit} at the founding")
def appoint(account: Account, *, role: str, unit: BusinessUnit, actor: Actor) -> RoleGrant:
    """Give the first people their roles that sign: by the system, in one transaction, while nobody can sign for them."""
    if queries.account_of(actor) is not None:
        raise Forbidden("The first people who sign are appointed by the command that founds an installation.")
    if not queries.is_being_founded():
        raise Refused("The installation is founded; whoever is to sign now is proposed, and others sign for it.")
    return give(account, role=role, unit=unit, until=None, granted_by=None)


def give(
    account: Account,
    *,
    role: str,
    unit: BusinessUnit,
    until: dt.datetime | None,
    granted_by: Account | None,
    key: UUID | None = None,
) -> RoleGrant:
    """Write a grant, inside an action of whoever may; a role that signs takes the key of its signed proposal."""
    if reasons := queries.against_holding(account, role, unit):
        raise Refused(*reasons)
    describe(role=Role(role).label.lower(), unit=unit.name, account=veiled(account.person_id, account.username))
    made = RoleGrant(account=account, role=role, unit=unit, since=timezone.now(), until=until, granted_by=granted_by)
    made.pk = key or made.pk
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as error:
        unsigned = policies.signed_for(role) if "is not signed for" in str(error) else None
        raise Refused(unsigned or f"The account holds {Role(role).label.lower()} on {unit.name} already.") from error
    return made


@audited("access.revoke", "revoked {subject}")
def revoke(role_grant: RoleGrant, *, reason: str, actor: Actor) -> RoleGrant:
    """Take a role back; the row stays."""
    permit(actor, "access.revoke", role_grant.unit)
    return take_back(role_grant, by=queries.account_of(actor))


def take_back(role_grant: RoleGrant, *, by: Account | None) -> RoleGrant:
    """End a grant at once, inside an action of whoever may."""
    role_grant = (
        RoleGrant.objects.select_for_update(of=("self",)).select_related("account", "unit").get(pk=role_grant.pk)
    )
    if role_grant.revoked_at:
        raise Refused("This role was revoked before.")
    role_grant.revoked_at, role_grant.revoked_by = timezone.now(), by
    role_grant.save(update_fields=["revoked_at", "revoked_by"])
    return role_grant


@audited("access.except", "opened {subject} to {account} until {until}")
def open_record(
    record: models.Model, *, kind: str, account: Account, until: dt.datetime, reason: str, actor: Actor
) -> models.Model:
    """Let one account read one record that its roles do not reach, for a time; nothing else follows from it."""
    permit(actor, "access.except", record)
    if fault := policies.exception_period(until, timezone.now()):
        raise Invalid(fault, fields={"until": [fault]})
    if not reason.strip():
        raise Invalid("An exception needs its reason.", fields={"reason": ["Needed."]})
    if policies.not_to_oneself(actor.identity.person, account):
        raise Refused("You may not open a record to yourself; another administrator does it.")
    if account.lacks("view", record) is None:
        raise Refused(f"The roles of {account.username} reach {record} already; no exception is needed.")
    if not account.is_active:
        raise Refused(f"The account {account.username} is closed.")
    describe(account=veiled(account.person_id, account.username), until=until.date().isoformat(), kind=kind)
    EXCEPTIONS[kind].objects.update_or_create(
        user=account,
        permission=queries.reading(record),
        content_object=record,
        defaults={"until": until, "reason": reason.strip(), "granted_by": queries.account_of(actor)},
    )
    return record


@audited("access.end_exception", "ended what opened {subject} to {account}")
def end_exception(exception: ObjectException, *, reason: str, actor: Actor) -> models.Model:
    """Close a record again before its time; the row stays with the end that it had."""
    permit(actor, "access.except", exception)
    if not reason.strip():
        raise Invalid("Ending an exception needs its reason.", fields={"reason": ["Needed."]})
    return close_record(exception)


def close_record(exception: ObjectException) -> models.Model:
    """End an exception at once, inside an action of whoever may."""
    if not exception.is_in_force:
        raise Refused("This exception has ended already.")
    exception.until = timezone.now()
    exception.save(update_fields=["until"])
    user = exception.user
    describe(account=veiled(user.person_id, user.username))
    return exception.audit_object


@audited("access.issue_token", "issued the token {subject}")
def issue_token(account: Account, *, label: str, scopes: list[str], days: int, actor: Actor) -> Token:
    """Make a token; its secret stands on the returned object once, as `secret`."""
    if getattr(actor, "scopes", None) is not None:
        raise Forbidden("A token makes no tokens, or it would outlive and outgrow itself: sign in at the pages.")
    if actor.identity.key != account.username:
        permit(actor, "access.issue_token", account)
        if not account.is_service:
            raise Refused("A token acts as its account: for a person, only the person makes one.")
    if not 1 <= days <= 365:
        raise Invalid("A token lives between 1 and 365 days.", fields={"days": ["Between 1 and 365."]})
    secret = Token.PREFIX + secrets.token_urlsafe(32)
    token = Token.objects.create(
        account=account,
        label=label,
        hint=secret[:10],
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        scopes=scopes,
        expires_at=timezone.now() + dt.timedelta(days=days),
    )
    token.secret = secret  # type: ignore[attr-defined]
    return token


@audited("access.revoke_token", "revoked the token {subject}")
def revoke_token(token: Token, *, actor: Actor) -> Token:
    """End a token at once."""
    if actor.identity.person != str(token.account.person_id):
        permit(actor, "access.issue_token", token.account)
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    return token


def _check_strength(password: str, account: Account) -> None:
    try:
        validate_password(password, account)
    except ValidationError as error:
        raise Invalid(*error.messages, fields={"password": error.messages}) from error
