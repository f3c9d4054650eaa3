"""Who arrives through single sign-on: which account he is, and the roles that his groups give and take."""

from django.conf import settings
from django.db import models

from mrm.access import queries
from mrm.access.models import Account, AccountKind, GroupGrant, Link, Person, RoleGrant
from mrm.access.services.people import add_account, add_person, grant, revoke
from mrm.access.single_sign_on import Claims
from mrm.audit.trail import audited, describe, veiled
from mrm.core.actors import Actor, System
from mrm.core.refusal import Refused

PROVIDER = System("sso")
NOBODY = "Nobody with your e-mail address is entered here; ask an administrator."


@audited("access.admit", "admitted {account} through single sign-on")
def admit(known: models.Model, *, claims: Claims, actor: Actor) -> Account:
    """The account of who signed in at the provider: linked before, or linked now by his verified e-mail address.

    `known` is what a refusal is written down at: the account, the person, or the institution when it is a stranger.
    """
    account = queries.linked_account(claims.digest) or _linked_now(claims, actor)
    if not account.is_active:
        raise Refused("Your account here is closed.")
    describe(account=veiled(account.person_id, account.username))
    return account


@audited("access.refuse_sso", "was refused at single sign-on")
def refuse(known: models.Model, *, reason: str, actor: Actor) -> models.Model:
    """Write down that what came back from the provider did not hold."""
    raise Refused(reason)


def follow_groups(account: Account, *, groups: tuple[str, ...], actor: Actor) -> list[str]:
    """Grant what the groups give and revoke what they gave before and give no more; the sentences of what was refused.

    Each goes through the services that everybody uses, so every rule on roles holds. What was granted by hand stays.
    """
    wanted = queries.roles_of_groups(groups)
    for given in queries.group_grants(account):
        if (given.grant.role, given.grant.unit.key) not in wanted:
            revoke(given.grant, reason=f"No longer in the group {given.group}", actor=actor)
    held = queries.roles_in_force(account)
    refused: list[str] = []
    for (role, unit_key), group in sorted(wanted.items()):
        if (role, unit_key) in held:
            continue
        try:
            grant_by_group(account, role=role, unit_key=unit_key, group=group, actor=actor)
        except Refused as refusal:
            refused += refusal.reasons
    return refused


@audited("access.grant_by_group", "granted {role} on {unit} to {account}, as the group {group} says")
def grant_by_group(account: Account, *, role: str, unit_key: str, group: str, actor: Actor) -> Account:
    """One role that a group gives, and that it came from there."""
    unit = queries.unit_named(unit_key)
    if unit is None:
        raise Refused(f"The group {group} gives a role on the unit {unit_key}, which does not exist.")
    made = grant(account, role=role, unit=unit, actor=actor)
    if isinstance(made, RoleGrant):
        GroupGrant.objects.create(grant=made, group=group)
    describe(role=role, unit=unit.name, account=veiled(account.person_id, account.username), group=group)
    return account


def _linked_now(claims: Claims, actor: Actor) -> Account:
    if not claims.email:
        raise Refused("The identity provider told no e-mail address, by which you are known here.")
    if not claims.email_verified:
        raise Refused("The identity provider did not verify your e-mail address, so it does not say who you are.")
    person = queries.person_with_email(claims.email)
    account = _only_account(person) if person else _provisioned(claims, actor)
    Link.objects.create(account=account, digest=claims.digest)
    return account


def _only_account(person: Person) -> Account:
    found = list(queries.accounts().filter(person=person, kind=AccountKind.PERSONAL).order_by("-is_active"))
    if not found:
        raise Refused("You are entered here, but have no account; ask an administrator to open one.")
    if sum(each.is_active for each in found) > 1:
        raise Refused("You have more than one account here, so it is not clear which to open; sign in by password.")
    return found[0]


def _provisioned(claims: Claims, actor: Actor) -> Account:
    """A person that nobody entered, when it is configured that such are taken; he holds what his groups give."""
    unit = queries.unit_named(settings.SSO.provision_in) if settings.SSO and settings.SSO.provision_in else None
    if unit is None:
        raise Refused(NOBODY)
    person = add_person(name=claims.name or claims.email.partition("@")[0], email=claims.email, unit=unit, actor=actor)
    return add_account(username=claims.email.lower(), person=person, password=None, actor=actor)
