"""Many requests judged at once, by a number of queries that does not grow with them.

Parties are those written down at submission and at every vote; the decision page and the vote itself
ask the log again.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.utils import timezone

from mrm.access.models import Account
from mrm.signoff.models import SUBJECTS, Gate, GateState, Request, RequestState, Survey
from mrm.signoff.policies import Verdict, evaluate, may_sign
from mrm.signoff.queries.fold import signer
from mrm.signoff.queries.ground import Ground, ground, history_of
from mrm.signoff.queries.reading import in_order, known_digest, material, unnoted


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

    @cached_property
    def missing(self) -> list[Gate]:
        return [gate for gate in in_order(self.survey.gates) if gate.state == GateState.MISSING]

    @cached_property
    def changed(self) -> bool:
        """Whether the subject is no longer what was submitted, so that nobody can sign it."""
        if self.request.status != RequestState.OPEN or self.survey.digest == known_digest(self.request):
            return False
        return material(self.request, unnoted(self.request, timezone.now().timestamp(), self.survey.content))

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
    on = ground(found)
    surveys = _surveys(found)
    return [_row(request, surveys[request.subject_kind, request.subject_key], account, on) for request in found]


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


def _row(request: Request, survey: Survey, account: Account, on: Ground) -> Row:
    past = history_of(request, on)
    now = evaluate(request.policy.content, past)
    if request.status != RequestState.OPEN:
        return Row(request, survey, now, "This request is decided.", None)
    why_not = account.lacks("signoff.vote", request) or may_sign(
        request.policy.content, past, now, signer(request, account, on)
    )
    return Row(request, survey, now, why_not, now.reason if now.state == "blocked" else None)
