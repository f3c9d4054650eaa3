"""Who may sign a request, who may not and why, and whether anybody can complete it."""

import uuid
from collections.abc import Set
from dataclasses import dataclass

from mrm.access import queries as access
from mrm.access.models import Account, Person
from mrm.access.roles import Role
from mrm.signoff.models import Decision, Request, Vote
from mrm.signoff.policies import History, others_may_sign, void
from mrm.signoff.queries.fold import signer, why_not
from mrm.signoff.queries.ground import ballot_of
from mrm.signoff.queries.reading import Reading


@dataclass(frozen=True)
class Candidate:
    """A person who holds a role that the policy asks for: may sign, or why not."""

    account: Account
    role: str
    reason: str | None

    @property
    def label(self) -> str:
        return Role(self.role).label


@dataclass(frozen=True)
class Line:
    """A person beside a request, as the page shows him."""

    person: Person
    role: str
    state: str
    kind: str
    icon: str
    detail: str = ""
    vote: Vote | None = None


def candidates(reading: Reading) -> list[Candidate]:
    """Everyone whose role the policy names, those who may sign first."""
    found = [Candidate(account, role, why_not(reading, account)) for role, account in holders(reading.request)]
    return sorted(found, key=lambda entry: (entry.reason is not None, entry.account.person.name))


def signers(reading: Reading) -> tuple[list[Line], list[Line]]:
    """Those who signed or may sign, and those who may not with the reason."""
    request, now = reading.request, reading.verdict
    votes = {vote.person_id: vote for vote in request.votes.select_related("person__unit")}
    able = [_voted(vote, reading) for vote in votes.values()]
    unable: list[Line] = []
    seen = set(votes)
    for role, account in holders(request):
        if account.person_id in seen or not now.is_open:
            continue
        seen.add(account.person_id)
        line = _holder(reading, role, account)
        (able if line.kind == "info" else unable).append(line)
    return able, [*unable, *_parties(reading.past, seen)]


def holders(request: Request) -> list[tuple[str, Account]]:
    """Role and account of everybody whose role the policy names."""
    stages = request.policy.content["stages"]
    roles = {entry["role"] for stage in stages for entry in stage["requirements"]}
    roles |= {stage["escalate_to"] for stage in stages if stage.get("escalate_to")}
    return [(role, account) for role in sorted(roles) for account in access.holders(role, request.unit)]


def _voted(vote: Vote, reading: Reading) -> Line:
    if vote.decision == Decision.WITHDRAW:
        return Line(vote.person, Role(vote.role).label, "Withdrew the vote", "off", "arrow-back-up", vote=vote)
    count = len(vote.conditions)
    words = {
        Decision.APPROVE: ("Approved", "ok", "circle-check"),
        Decision.CONDITIONS: (f"Approved with {count} condition{'s' if count > 1 else ''}", "ok", "circle-check"),
        Decision.RETURN: ("Returned", "warn", "arrow-back-up"),
        Decision.REJECT: ("Rejected", "bad", "circle-x"),
    }
    state, kind, icon = words[Decision(vote.decision)]
    ballot = ballot_of(vote, reading.request, reading.on)
    if reason := void(reading.request.policy.content, reading.past, ballot):
        return Line(vote.person, Role(vote.role).label, f"{state}, does not count", "bad", "ban", reason, vote)
    return Line(vote.person, Role(vote.role).label, state, kind, icon, vote=vote)


def _holder(reading: Reading, role: str, account: Account) -> Line:
    label, now = Role(role).label, reading.verdict
    who = signer(reading.request, account, reading.on)
    if reason := others_may_sign(reading.request.policy.content, reading.past, now, who):
        return Line(account.person, label, "May not", "off", "ban", reason)
    need = next((entry for entry in now.needs if entry.stage == now.stage and entry.role == role), None)
    apart = ", each from another unit" if need and need.distinct_business_unit else ""
    detail = f"{need.missing} of {need.quorum} still needed{apart}" if need else ""
    return Line(account.person, label, "May sign", "info", "circle-half-2", detail)


def _parties(past: History, seen: Set[uuid.UUID]) -> list[Line]:
    """Parties who hold no role that signs are named too: a reader asks after them first."""
    keys = [key for key in past.excluded if key not in {str(person) for person in seen}]
    people = access.persons().filter(pk__in=keys)
    return [
        Line(person, "Party to the subject", "May not", "off", "ban", _sentence(past.excluded[str(person.pk)].reason))
        for person in people
    ]


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]
