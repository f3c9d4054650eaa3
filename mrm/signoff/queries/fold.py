"""One request judged from everything as it is now."""

from mrm.access import queries as access
from mrm.access.models import Account, Person
from mrm.access.roles import Role
from mrm.core.canonical import digest
from mrm.signoff.models import SUBJECTS, Gate, GateState, Request, Vote
from mrm.signoff.policies import Ballot, History, Signer, Verdict, evaluate, may_sign, open_roles

ORDER = (GateState.MISSING, GateState.WAIVED, GateState.MET)


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


def ballot_of(vote: Vote) -> Ballot:
    return Ballot(
        str(vote.person_id), vote.role, vote.unit_path, vote.decision, vote.subject_digest, tuple(vote.conditions)
    )


def history(request: Request) -> History:
    """All that the verdict depends on, read afresh."""
    votes = list(request.votes.select_related("person__unit"))
    roles = {str(vote.person_id): _held(vote.person, request) for vote in votes}
    return History(request.subject_digest, tuple(ballot_of(vote) for vote in votes), parties(request), roles)


def verdict(request: Request) -> Verdict:
    return evaluate(request.policy.content, history(request))


def gates(request: Request) -> list[Gate]:
    """What must hold, the missing first."""
    subject = SUBJECTS[request.subject_kind]
    return in_order(subject.gates(subject.find(request.subject_key)))


def in_order(found: "list[Gate] | tuple[Gate, ...]") -> list[Gate]:
    return sorted(found, key=lambda gate: ORDER.index(gate.state))


def signer(request: Request, account: Account) -> Signer:
    roles = frozenset(role for role in Role.values if account.holds(role, request.unit))
    return Signer(str(account.person_id), account.is_service, roles, account.person.unit.path)


def why_not(request: Request, account: Account) -> str | None:
    """Why the account may not sign the request now, or None."""
    past = history(request)
    now = evaluate(request.policy.content, past)
    return may_sign(request.policy.content, past, now, signer(request, account))


def role_used(request: Request, account: Account) -> str:
    """The role in which the account would sign now."""
    wanted = open_roles(verdict(request)) & signer(request, account).roles
    return min(wanted) if wanted else ""


def _held(person: Person, request: Request) -> frozenset[str]:
    found = access.grants_in_force().filter(account__person=person, account__is_active=True)
    return frozenset(grant.role for grant in found if grant.unit.contains(request.unit))
