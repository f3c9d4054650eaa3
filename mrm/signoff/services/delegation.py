"""Let another sign in one's place for a time, and end that."""

import datetime as dt

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mrm.access import queries as access
from mrm.access.models import Account, Person
from mrm.access.roles import roles_with
from mrm.audit.trail import audited, describe
from mrm.core.actors import permit
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.signoff.models import Delegation, Policy

LONGEST = 90


@audited("signoff.delegate", "let another sign until {until}")
def delegate(to: Person, *, since: dt.datetime, until: dt.datetime, reason: str, actor: Account) -> Delegation:
    """The person himself lets another sign in his place; each policy says whether and for how long it counts."""
    permit(actor, "signoff.delegate", None)
    if actor.is_service or actor.scopes is not None:
        raise Forbidden("Only the person himself delegates, signed in at the pages; a machine or a token does not.")
    _check_period(since, until)
    if not reason.strip():
        raise Invalid("A delegation needs its reason, such as an absence.", fields={"reason": ["Needed."]})
    if to.pk == actor.person_id:
        raise Invalid("You cannot delegate to yourself; name another person.", fields={"to": ["Name another person."]})
    if not access.roles_of_person(to) & roles_with("signoff.vote"):
        raise Invalid("This person holds no role that signs; name somebody who does.", fields={"to": ["No role."]})
    with transaction.atomic():
        # in the order of their keys, so that two who delegate to each other at the same moment are told
        list(Person.objects.select_for_update().filter(pk__in=[to.pk, actor.person_id]).order_by("pk"))
        _check_cycle(actor.person, to, since, until)
    describe(until=until.date().isoformat())
    return Delegation.objects.create(
        principal=actor.person, delegate=to, since=since, until=until, reason=reason.strip(), given_by=actor
    )


def _check_period(since: dt.datetime, until: dt.datetime) -> None:
    longest = max((_days(policy) for policy in Policy.objects.filter(current=True)), default=0) or LONGEST
    if until <= timezone.now():
        raise Invalid("until: lies in the past; give a moment ahead.", fields={"until": ["Lies in the past."]})
    if until <= since:
        raise Invalid("until: is not after since; give a later moment.", fields={"until": ["Before the beginning."]})
    if since < timezone.now() - dt.timedelta(minutes=5):
        raise Invalid(
            "since: lies in the past; a delegation never covers what was signed before it.",
            fields={"since": ["Lies in the past."]},
        )
    if until - since > dt.timedelta(days=longest):
        raise Invalid(
            f"until: is more than {longest} days after since, the longest that a policy takes; shorten it.",
            fields={"until": [f"At most {longest} days."]},
        )


def _days(policy: Policy) -> int:
    return int((policy.content.get("delegation") or {}).get("max_days", 0))


def _check_cycle(principal: Person, to: Person, since: dt.datetime, until: dt.datetime) -> None:
    """What was delegated is not passed on: neither does the delegate delegate meanwhile, nor the principal stand in."""
    meanwhile = Delegation.objects.filter(since__lt=until, until__gt=since).filter(
        Q(ended_at=None) | Q(ended_at__gt=since)
    )
    if meanwhile.filter(principal=to).exists():
        raise Refused(
            "to: this person lets another sign in that time, which would make a chain or a cycle; name somebody who does"
            " not delegate then."
        )
    if meanwhile.filter(delegate=principal).exists():
        raise Refused(
            "to: you stand in for another in that time, and what was delegated is not passed on; delegate after that."
        )
    if meanwhile.filter(principal=principal, delegate=to).exists():
        raise Refused("to: this person stands in for you in that time already; end that first, or choose another time.")


@audited("signoff.end_delegation", "ended the {subject}")
def end_delegation(delegation: Delegation, *, actor: Account) -> Delegation:
    """The principal or the delegate ends it at once; votes given before stand."""
    delegation = Delegation.objects.select_for_update(of=("self",)).select_related("principal").get(pk=delegation.pk)
    if actor.person_id not in (delegation.principal_id, delegation.delegate_id):
        raise Refused("Only the two people of a delegation end it.")
    if delegation.ended_at or delegation.until <= timezone.now():
        raise Refused("This delegation has ended already.")
    delegation.ended_at = timezone.now()
    delegation.save(update_fields=["ended_at"])
    return delegation
