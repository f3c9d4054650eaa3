"""Named reads of policies, requests, and who may sign."""

from dataclasses import dataclass

from django.db.models import QuerySet

from mrm.access import queries as access
from mrm.access.models import Account, Person
from mrm.access.roles import Role
from mrm.core.canonical import digest
from mrm.core.refusal import Refused
from mrm.signoff.models import SUBJECTS, Gate, GateState, Policy, Request, RequestState
from mrm.signoff.policies import Ballot, History, Signer, Verdict, evaluate, may_sign, open_roles


def policy_for(action: str, tier: str) -> Policy:
    """The policy in force for an action on a tier; with none, nothing can be asked."""
    for policy in Policy.objects.filter(current=True):
        if policy.applies_to(action, tier):
            return policy
    raise Refused(f"No policy in force covers {action.replace('_', ' ')} for tier {tier or '(not rated)'}.")


def visible_to(account: Account) -> QuerySet[Request]:
    """Requests on subjects of the units that the account's roles reach."""
    return Request.objects.filter(unit__in=access.unit_ids_for(account, "view")).select_related(
        "policy", "unit", "submitted_by__person__unit"
    )


def open_requests(account: Account) -> QuerySet[Request]:
    return visible_to(account).filter(status=RequestState.OPEN)


def parties(request: Request) -> dict[str, str]:
    """Person id to reason: the subject's parties as the log knows them now, and the submitter."""
    subject = SUBJECTS[request.subject_kind]
    found = subject.parties(subject.find(request.subject_key))
    found.setdefault(str(request.submitted_by.person_id), "submitted this request")
    for exclusion in request.exclusions.all():
        found.setdefault(str(exclusion.person_id), exclusion.reason)
    return found


def current_digest(request: Request) -> str:
    subject = SUBJECTS[request.subject_kind]
    return digest(subject.content(subject.find(request.subject_key)))


def history(request: Request) -> History:
    """All that the verdict depends on, read afresh."""
    votes = list(request.votes.select_related("person__unit"))
    roles = {str(vote.person_id): _held(vote.person, request) for vote in votes}
    ballots = tuple(
        Ballot(
            str(vote.person_id), vote.role, vote.unit_path, vote.decision, vote.subject_digest, tuple(vote.conditions)
        )
        for vote in votes
    )
    return History(request.subject_digest, ballots, parties(request), roles)


def verdict(request: Request) -> Verdict:
    return evaluate(request.policy.content, history(request))


def gates(request: Request) -> list[Gate]:
    """What must hold, the missing first."""
    subject = SUBJECTS[request.subject_kind]
    order = [GateState.MISSING, GateState.WAIVED, GateState.MET]
    return sorted(subject.gates(subject.find(request.subject_key)), key=lambda gate: order.index(gate.state))


def signer(request: Request, account: Account) -> Signer:
    roles = frozenset(role for role in Role.values if account.holds(role, request.unit))
    return Signer(str(account.person_id), account.is_service, roles, account.person.unit.path)


@dataclass(frozen=True)
class Candidate:
    """A person who holds a role that the policy asks for: may sign, or why not."""

    account: Account
    role: str
    reason: str | None


def candidates(request: Request) -> list[Candidate]:
    """Everyone whose role the policy names, those who may sign first."""
    past = history(request)
    now = evaluate(request.policy.content, past)
    roles = {entry["role"] for stage in request.policy.content["stages"] for entry in stage["requirements"]}
    found = []
    for role in sorted(roles):
        for account in access.holders(role, request.unit):
            reason = may_sign(request.policy.content, past, now, signer(request, account))
            found.append(Candidate(account, role, reason))
    return sorted(found, key=lambda entry: (entry.reason is not None, entry.account.person.name))


def blocked(request: Request) -> str | None:
    """Why the open stage cannot be completed by anybody, or None."""
    past = history(request)
    now = evaluate(request.policy.content, past)
    if now.state != "open":
        return None
    for need in now.needs:
        if need.stage != now.stage or not need.missing:
            continue
        able = {
            str(account.person_id)
            for account in access.holders(need.role, request.unit)
            if may_sign(request.policy.content, past, now, signer(request, account)) is None
        }
        if len(able) < need.missing:
            role = Role(need.role).label.lower()
            return (
                f"This cannot be completed: {need.missing} more signature of a {role} is needed and {len(able)} may"
                " sign. It stays closed until somebody independent holds the role."
            )
    return None


def waiting_for(account: Account) -> list[Request]:
    """Open requests that this account may sign now, by due date and tier."""
    return [request for request in open_requests(account) if why_not(request, account) is None]


def why_not(request: Request, account: Account) -> str | None:
    past = history(request)
    now = evaluate(request.policy.content, past)
    return may_sign(request.policy.content, past, now, signer(request, account))


def role_used(request: Request, account: Account) -> str:
    """The role in which the account would sign now."""
    wanted = open_roles(verdict(request)) & signer(request, account).roles
    return sorted(wanted)[0] if wanted else ""


def _held(person: Person, request: Request) -> frozenset[str]:
    found = access.grants_in_force().filter(account__person=person, account__is_active=True)
    return frozenset(grant.role for grant in found if grant.unit.contains(request.unit))
