"""Named changes to people, accounts, roles and tokens."""

import datetime as dt
import hashlib
import secrets

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from mrm.access import policies, queries
from mrm.access.models import (
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
    held = queries.roles_of_person(account.person)
    refusals = (
        policies.not_to_oneself(actor.identity.person, account),
        policies.compatible(held, role),
        policies.person_not_machine(account, role),
    )
    if reasons := [reason for reason in refusals if reason]:
        raise Refused(*reasons)
    describe(role=Role(role).label.lower(), unit=unit.name, account=veiled(account.person_id, account.username))
    try:
        with transaction.atomic():
            return RoleGrant.objects.create(
                account=account, role=role, unit=unit, until=until, granted_by=queries.account_of(actor)
            )
    except IntegrityError as error:
        raise Refused(f"The account holds {Role(role).label.lower()} on {unit.name} already.") from error


@audited("access.revoke", "revoked {subject}")
def revoke(role_grant: RoleGrant, *, reason: str, actor: Actor) -> RoleGrant:
    """Take a role back; the row stays."""
    permit(actor, "access.revoke", role_grant.unit)
    if role_grant.revoked_at:
        raise Refused("This role was revoked before.")
    role_grant.revoked_at, role_grant.revoked_by = timezone.now(), queries.account_of(actor)
    role_grant.save(update_fields=["revoked_at", "revoked_by"])
    return role_grant


@audited("access.except", "opened {subject} to {account} until {until}")
def open_record(
    record: models.Model,
    *,
    account: Account,
    permission: str,
    until: dt.datetime,
    reason: str,
    exception: type[ObjectException],
    actor: Actor,
) -> models.Model:
    """Let one account see one record that its roles do not reach, for a time."""
    permit(actor, "access.except", record)
    if until <= timezone.now():
        raise Invalid("The end must lie ahead.", fields={"until": ["Choose a day after today."]})
    if policies.not_to_oneself(actor.identity.person, account):
        raise Refused("You may not open a record to yourself; another administrator does it.")
    describe(account=veiled(account.person_id, account.username), until=until.date().isoformat(), permission=permission)
    kept = {"until": until, "reason": reason, "granted_by": queries.account_of(actor)}
    exception.objects.update_or_create(
        user=account,
        permission=queries.permission_named(record, permission),
        content_object=record,
        defaults=kept,
    )
    return record


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
