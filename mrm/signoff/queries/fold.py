"""One request judged from everything as it is now, and one person before it."""

from dataclasses import replace
from typing import Any

from mrm.access.models import Account, Person
from mrm.signoff.models import Request, RequestState
from mrm.signoff.policies import Signer, Verdict, evaluate, may_sign, open_roles, roles_asked
from mrm.signoff.queries.ground import Ground
from mrm.signoff.queries.reading import Reading


def verdict(request: Request) -> Verdict:
    return Reading(request).verdict


def verdict_at_use(request: Request, **became: Any) -> Verdict:
    """What the signatures on a decided request amount to now, with the roles, parties and content of this moment.

    `became` says what else became of it, as `History` has it: when it ended, was reviewed, and what was owed.
    """
    decided = request.decided_at.timestamp() if request.decided_at else None
    past = replace(Reading(request).without_candidates, **({"decided": decided} | became))
    return evaluate(request.policy.content, past)


def signer(request: Request, account: Account, on: Ground, principal: Person | None = None) -> Signer:
    """The person of the account before the request; with a principal, the roles by which he signs in his place."""
    roles = on.held(str(account.person_id), request.unit)
    person, unit = str(account.person_id), account.person.unit.path
    if principal is None:
        return Signer(person, account.is_service, roles, unit)
    theirs = on.held(str(principal.pk), request.unit)
    if request.policy.content.get("delegation", {}).get("same_role_required", True):
        theirs &= roles
    return Signer(person, account.is_service, theirs, unit, str(principal.pk))


def why_not(
    reading: Reading, account: Account, principal: Person | None = None, decision: str = "approve"
) -> str | None:
    """Why the account may not sign the request now, for himself or in somebody's place, or None."""
    policy, who = reading.request.policy.content, signer(reading.request, account, reading.on, principal)
    return may_sign(policy, reading.past, reading.verdict, who, decision)


def stand_ins(reading: Reading, account: Account) -> list[Person]:
    """The people in whose place the account may sign the request now."""
    request = reading.request
    if request.status != RequestState.OPEN or account.lacks("signoff.vote", request):
        return []
    given = reading.on.principals(str(account.person_id))
    if not given or not (request.policy.content.get("delegation") or {}).get("allowed"):
        return []
    open_to = [each.principal for each in given if why_not(reading, account, each.principal) is None]
    return list({person.pk: person for person in open_to}.values())


def roles_used(reading: Reading, account: Account, principal: Person | None = None) -> list[str]:
    """The roles in which the account would sign now, the one that is waited for first."""
    now, who = reading.verdict, signer(reading.request, account, reading.on, principal)
    if now.state == "cooling":
        return sorted(who.roles & set(reading.request.policy.content["reject"]["any_of"]))
    waited = sorted(open_roles(now) & who.roles)
    return waited + sorted((roles_asked(now) & who.roles) - set(waited))
