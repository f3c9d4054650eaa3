from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from mrm.access import queries as access
from mrm.access.models import Account
from mrm.access.roles import roles_with
from mrm.core.canonical import canonical
from mrm.core.refusal import Refused
from mrm.signoff.models import Delegation, Policy, Proposal, Question, Request, RequestState
from mrm.signoff.policies import Staff

TIERS = ("", "1", "2", "3", "4")


def policy_covering(action: str, tier: str) -> Policy | None:
    """The policy in force for an action on a tier, when there is one."""
    found = Policy.objects.filter(current=True, content__applies__action=action)
    return next((policy for policy in found if policy.applies_to(action, tier)), None)


def policy_for(action: str, tier: str) -> Policy:
    """The policy in force for an action on a tier; with none, nothing can be asked."""
    if policy := policy_covering(action, tier):
        return policy
    raise Refused(f"No policy in force covers {action.replace('_', ' ')} for tier {tier or '(not rated)'}.")


def covering(content: Mapping[str, Any], *, but: str) -> Policy | None:
    """A policy in force, of another key, for subjects that this one is for too."""
    applies = content["applies"]
    tiers = applies.get("tier") or TIERS
    for policy in Policy.objects.filter(current=True, content__applies__action=applies["action"]).exclude(key=but):
        if any(policy.applies_to(applies["action"], tier) for tier in tiers):
            return policy
    return None


def policies() -> QuerySet[Policy]:
    """Every version of every policy, those in force first: the rules are open to everybody who works here."""
    return Policy.objects.order_by("-current", "key", "-version")


def policy_bytes() -> Iterator[tuple[str, bytes]]:
    """Every version of every policy as the bytes that its digest is taken of."""
    for policy in policies():
        yield policy.digest, canonical(policy.content)


def visible_to(account: Account) -> QuerySet[Request]:
    """Requests on subjects of the units that the account's roles reach."""
    return Request.objects.filter(unit__in=access.unit_ids_for(account, "view")).select_related(
        "policy", "unit", "submitted_by__person__unit"
    )


def open_requests(account: Account) -> QuerySet[Request]:
    return visible_to(account).filter(status=RequestState.OPEN)


def decided_requests(account: Account) -> QuerySet[Request]:
    """Those that are no longer open, the last decided first."""
    return visible_to(account).exclude(status=RequestState.OPEN).order_by("-decided_at")


def delegations_of(account: Account) -> QuerySet[Delegation]:
    """The delegations that the person gave or holds, the newest first."""
    mine = Q(principal=account.person_id) | Q(delegate=account.person_id)
    return Delegation.objects.filter(mine).select_related("principal__unit", "delegate__unit")


def questions_visible_to(account: Account) -> QuerySet[Question]:
    """What was asked on the requests that the account sees."""
    return Question.objects.filter(request__in=visible_to(account)).select_related(
        "request__policy", "request__unit", "person", "answered_by"
    )


def staff() -> list[Staff]:
    """Everybody who holds a role that signs, anywhere: whether a policy could ever be fulfilled here."""
    found: dict[str, tuple[str, set[str]]] = {}
    for grant in access.grants_in_force().filter(account__is_active=True).select_related("account__person__unit"):
        if grant.role in roles_with("signoff.vote"):
            person = grant.account.person
            found.setdefault(str(person.pk), (person.unit.path, set()))[1].add(grant.role)
    return [Staff(person, frozenset(roles), unit) for person, (unit, roles) in sorted(found.items())]


def proposals_visible_to(account: Account) -> QuerySet[Proposal]:
    """Proposals about records of the units that the account's roles reach."""
    return Proposal.objects.filter(unit__in=access.unit_ids_for(account, "view")).select_related(
        "unit", "proposed_by__person__unit"
    )


def open_proposal(kind: str, target: str) -> Proposal | None:
    """The proposal of a kind on a record that waits for its signatures."""
    return Proposal.objects.filter(kind=kind, target=target, settled_at=None).first()


def proposed_on(target: str) -> ArraySubquery:
    """Kind and reference of each open request on a proposal about a record, to be read along with the record."""
    waiting = Proposal.objects.filter(target=target, settled_at=None).annotate(key=Cast("pk", CharField()))
    asked = Request.objects.filter(status=RequestState.OPEN, subject_key__in=waiting.values("key"))
    told = Concat("subject_kind", Value(" REQ-"), Cast("number", CharField()))
    return ArraySubquery(asked.order_by("number").annotate(told=told).values("told"))
