"""What many requests rest on, read by a number of queries that does not grow with them, and the history it makes."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.utils import timezone

from mrm.access.models import BusinessUnit, RoleGrant
from mrm.access.roles import roles_with
from mrm.signoff.models import Delegation, Request, RequestState, Vote
from mrm.signoff.models import Edit as Noted
from mrm.signoff.policies import Ballot, Candidate, Edit, Escalation, History, Party, Pause, Verdict, evaluate
from mrm.signoff.policies import Delegation as Stand

BESIDE = ("exclusions", "recusals", "escalations", "questions")
Roles = frozenset[str]
AT_ONCE = 500


@dataclass(frozen=True)
class Ground:
    """Every grant of a role that signs, past ones too, and every delegation; `people` are those in force, by person."""

    grants: Sequence[RoleGrant]
    delegations: Sequence[Delegation]
    now: dt.datetime
    by_person: Mapping[str, list[RoleGrant]] = field(default_factory=dict)
    able: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)

    def held(self, person: str, unit: BusinessUnit, at: dt.datetime | None = None) -> Roles:
        """The roles that the person holds on the unit, or held at a moment."""
        found = self.by_person.get(person, [])
        if at is None:
            return frozenset(
                g.role for g in found if g.account.is_active and _ran(g, self.now) and g.unit.contains(unit)
            )
        return frozenset(g.role for g in found if _ran(g, at) and g.unit.contains(unit))

    def candidates(self, unit: BusinessUnit) -> tuple[Candidate, ...]:
        """Everybody who holds a role that signs on the unit now; found once for each unit."""
        if unit.path not in self.able:
            people = {str(g.account.person_id): g.account.person for g in self.grants if g.unit.contains(unit)}
            held = ((key, self.held(key, unit), one.unit.path) for key, one in sorted(people.items()))
            self.able[unit.path] = tuple(Candidate(*each) for each in held if each[1])
        return self.able[unit.path]

    def principals(self, person: str) -> list[Delegation]:
        """The delegations by which the person may sign for others now."""
        return [each for each in self.delegations if str(each.delegate_id) == person and each.runs_at(self.now)]


def _ran(grant: RoleGrant, at: dt.datetime) -> bool:
    return (
        grant.since <= at
        and (grant.until is None or at < grant.until)
        and (grant.revoked_at is None or at < grant.revoked_at)
    )


def ground(requests: Iterable[Request]) -> Ground:
    """Read what the requests rest on; their votes and their course come along."""
    votes = Prefetch("votes", Vote.objects.select_related("account"))
    edits = Prefetch("edits", Noted.objects.defer("content"))
    prefetch_related_objects(list(requests), votes, edits, *BESIDE)
    signing = roles_with("signoff.vote")
    grants = list(RoleGrant.objects.filter(role__in=signing).select_related("account__person__unit", "unit"))
    by_person: dict[str, list[RoleGrant]] = {}
    for grant in grants:
        by_person.setdefault(str(grant.account.person_id), []).append(grant)
    delegations = list(Delegation.objects.select_related("principal__unit", "delegate__unit"))
    return Ground(grants, delegations, timezone.now(), by_person)


@dataclass(frozen=True)
class Judged:
    """A request as it is written down, with what its votes amount to."""

    request: Request
    past: History
    verdict: Verdict


def judged_open() -> Iterator[Judged]:
    """Every open request, judged, by a number of queries that grows by a few for every five hundred.

    Parties and changes are those written down: what follows for one request is asked of the log again.
    """
    found = Request.objects.filter(status=RequestState.OPEN).select_related("policy", "unit").defer("subject_content")
    waiting = list(found.order_by("number"))
    for start in range(0, len(waiting), AT_ONCE):
        some = waiting[start : start + AT_ONCE]
        on = ground(some)
        for request in some:
            past = history_of(request, on)
            yield Judged(request, past, evaluate(request.policy.content, past))


def history_of(
    request: Request,
    on: Ground,
    *,
    involved: Mapping[str, Mapping[str, Party]] | None = None,
    also: Mapping[str, Party] | None = None,
    edits: Sequence[Edit] = (),
    candidates: bool = True,
) -> History:
    """The history of a request as it is written down; `involved`, `also` and `edits` add what the log says now."""
    excluded = {str(each.person_id): Party(each.reason, _time(each.at)) for each in request.exclusions.all()}
    excluded |= {person: party for person, party in (also or {}).items() if person not in excluded}
    votes = list(request.votes.all())
    people = {str(key) for vote in votes for key in (vote.person_id, vote.principal_id) if key}
    return History(
        subject_digest=request.subject_digest,
        ballots=tuple(ballot_of(vote, request, on) for vote in votes),
        excluded=excluded,
        held={person: on.held(person, request.unit) for person in people},
        involved=involved or {},
        edits=(*(_edit(each) for each in request.edits.all()), *edits),
        recused={str(each.person_id): each.reason for each in request.recusals.all()},
        delegations=tuple(_stand(each) for each in on.delegations if str(each.delegate_id) in people),
        escalations=tuple(Escalation(each.stage, _time(each.at)) for each in request.escalations.all()),
        pauses=tuple(
            Pause(_time(each.at), _time(each.answered_at) if each.answered_at else None)
            for each in request.questions.all()
        ),
        candidates=on.candidates(request.unit) if candidates else None,
        now=_time(on.now),
        submitted=_time(request.submitted_at),
    )


def ballot_of(vote: Vote, request: Request, on: Ground) -> Ballot:
    """The vote as history has it, with the roles that were held at that moment."""
    person, principal = str(vote.person_id), str(vote.principal_id or "")
    return Ballot(
        person,
        vote.role,
        vote.unit_path,
        vote.decision,
        vote.subject_digest,
        tuple(vote.conditions),
        _time(vote.signed_at),
        principal,
        frozenset(vote.roles),
        {each: on.held(each, request.unit, vote.signed_at) for each in (person, principal) if each},
        vote.method,
        vote.account.is_service,
    )


def _edit(edit: Any) -> Edit:
    return Edit(_time(edit.at), edit.digest, frozenset(edit.fields))


def _stand(entry: Delegation) -> Stand:
    ended = _time(entry.ended_at) if entry.ended_at else None
    return Stand(str(entry.principal_id), str(entry.delegate_id), _time(entry.since), _time(entry.until), ended)


def _time(moment: dt.datetime) -> float:
    return moment.timestamp()
