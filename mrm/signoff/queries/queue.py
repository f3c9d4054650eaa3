"""Many requests judged at once, by a number of queries that does not grow with them.

Parties are those written down at submission and at every vote; the decision page and the vote itself
ask the log again.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects
from django.utils import timezone

from mrm.access import queries as access
from mrm.access.models import Account, RoleGrant
from mrm.access.roles import Role
from mrm.signoff.models import SUBJECTS, Gate, GateState, Request, RequestState, Survey
from mrm.signoff.policies import History, Signer, Verdict, evaluate, may_sign
from mrm.signoff.queries.fold import ballot_of, in_order, signer
from mrm.signoff.queries.records import open_requests
from mrm.signoff.queries.signers import nobody


@dataclass(frozen=True)
class Row:
    """A request as a list shows it to one account."""

    request: Request
    survey: Survey
    verdict: Verdict
    why_not: str | None
    blocked: str | None

    @property
    def signed(self) -> int:
        return sum(need.signed for need in self.verdict.needs)

    @property
    def asked(self) -> int:
        return sum(need.quorum for need in self.verdict.needs)

    @property
    def missing(self) -> list[Gate]:
        return [gate for gate in in_order(self.survey.gates) if gate.state == GateState.MISSING]

    @property
    def changed(self) -> bool:
        """Whether the subject is no longer what was submitted, so that nobody can sign it."""
        return self.request.status == RequestState.OPEN and self.survey.digest != self.request.subject_digest

    @property
    def stage(self) -> str:
        for number, stage in enumerate(self.request.policy.content["stages"], start=1):
            if stage["id"] == self.verdict.stage:
                total = len(self.request.policy.content["stages"])
                return f"{stage.get('title', stage['id'].capitalize())}, stage {number} of {total}"
        return self.request.get_status_display()

    @property
    def mine(self) -> bool:
        return self.why_not is None

    @property
    def waited(self) -> str:
        """How long the request has waited, in days or hours."""
        since = timezone.now() - self.request.submitted_at
        return f"{since.days} d" if since.days else f"{int(since.total_seconds() // 3600)} h"


@dataclass(frozen=True)
class Group:
    title: str
    rows: list[Row]


def queue(requests: Iterable[Request], account: Account) -> list[Row]:
    """Each request with its verdict, its survey, and why the account may not sign it."""
    found = list(requests)
    if not found:
        return []
    prefetch_related_objects(found, "votes", "exclusions")
    grants = list(
        access.grants_in_force().filter(account__is_active=True).select_related("account__person__unit", "unit")
    )
    surveys = _surveys(found)
    return [_row(request, surveys[request.subject_kind, request.subject_key], account, grants) for request in found]


def waiting_for(account: Account) -> list[Row]:
    """Open requests that this account may sign now, by due date and tier."""
    if not account.may("signoff.vote"):
        return []
    return [row for row in queue(open_requests(account), account) if row.mine]


def grouped(rows: Iterable[Row], today: dt.date) -> list[Group]:
    """Rows by when they are due: overdue, today, this week, later; empty groups are left out."""
    titles = ("Overdue", f"Due today, {today.day} {today:%B}", "This week", "Later")
    groups = [Group(title, []) for title in titles]
    week = today + dt.timedelta(days=7)
    for row in rows:
        due = row.request.due
        groups[0 if due < today else 1 if due == today else 2 if due <= week else 3].rows.append(row)
    return [group for group in groups if group.rows]


def _surveys(requests: Sequence[Request]) -> dict[tuple[str, str], Survey]:
    found: dict[tuple[str, str], Survey] = {}
    for kind in {request.subject_kind for request in requests}:
        keys = [request.subject_key for request in requests if request.subject_kind == kind]
        found |= {(kind, key): survey for key, survey in SUBJECTS[kind].survey(keys).items()}
    return found


def _row(request: Request, survey: Survey, account: Account, grants: list[RoleGrant]) -> Row:
    reach = [grant for grant in grants if grant.unit.contains(request.unit)]
    held: dict[str, set[str]] = {}
    for grant in reach:
        held.setdefault(str(grant.account.person_id), set()).add(grant.role)
    past = History(
        request.subject_digest,
        tuple(ballot_of(vote) for vote in request.votes.all()),
        {str(entry.person_id): entry.reason for entry in request.exclusions.all()},
        {person: frozenset(roles) for person, roles in held.items()},
    )
    now = evaluate(request.policy.content, past)
    if request.status != RequestState.OPEN:
        return Row(request, survey, now, "This request is decided.", None)
    why_not = account.lacks("signoff.vote", request) or may_sign(
        request.policy.content, past, now, signer(request, account)
    )
    return Row(request, survey, now, why_not, nobody(request, past, now, _people(reach, held)))


def _people(reach: list[RoleGrant], held: dict[str, set[str]]) -> list[tuple[str, Signer]]:
    """Role and signer of every grant that reaches the request."""
    found = []
    for grant in reach:
        person = grant.account.person
        roles = frozenset(held[str(person.pk)]) & set(Role.values)
        found.append((grant.role, Signer(str(person.pk), grant.account.is_service, roles, person.unit.path)))
    return found
