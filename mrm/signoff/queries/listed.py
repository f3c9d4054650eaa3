"""What waits for one account: a fixed number of queries, however much there is."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account
from mrm.access.roles import roles_with
from mrm.signoff.models import Exclusion, Request, RequestState
from mrm.signoff.policies import evaluate, may_sign
from mrm.signoff.queries.fold import signer
from mrm.signoff.queries.ground import ground, history_of
from mrm.signoff.queries.records import open_requests, visible_to

JUDGED = 200  # so many are judged one by one; of more, the list shows what waits for the account's roles


@dataclass(frozen=True)
class Tally:
    """How many requests an account sees: open, of those the ones that wait for its roles, each also overdue; decided."""

    open: int
    open_overdue: int
    for_roles: int
    for_roles_overdue: int
    decided: int


def tally(account: Account) -> Tally:
    """All of them, by one query."""
    still = Q(status=RequestState.OPEN)
    mine, over = still & _for_roles(account), Q(due__lt=timezone.localdate())
    return Tally(
        **visible_to(account).aggregate(
            open=Count("pk", filter=still),
            open_overdue=Count("pk", filter=still & over),
            for_roles=Count("pk", filter=mine),
            for_roles_overdue=Count("pk", filter=mine & over),
            decided=Count("pk", filter=~still),
        )
    )


def waiting(account: Account, tier: str = "", *, of_roles: int | None = None) -> "list[Request] | QuerySet[Request]":
    """The open requests that this account may sign now, by due date and tier.

    With more than `JUDGED` that wait for its roles, those are given unjudged; each is judged where it is shown.
    They are counted before any is read; `of_roles` is how many of any tier wait for its roles, where that is known.
    """
    found = open_requests(account).filter(_for_roles(account))
    found = found.filter(tier=tier) if tier else found
    unsure = of_roles is None or (tier and of_roles > JUDGED)
    many = found.count() if unsure else of_roles
    return found if many and many > JUDGED else _judged(list(found), account)


def waiting_count(account: Account) -> int:
    """How many requests wait for this account: as many as `waiting` gives."""
    return number_of(waiting(account))


def waiting_numbers(found: "list[Request] | QuerySet[Request]", known: Tally) -> tuple[int, int]:
    """How many of what `waiting` gave wait, and how many of them are overdue, without asking again."""
    if isinstance(found, list):
        return len(found), number_of(found, due_before=timezone.localdate())
    return known.for_roles, known.for_roles_overdue


def number_of(found: "list[Request] | QuerySet[Request]", *, due_before: dt.date | None = None) -> int:
    """How many requests there are, or how many of them are due before a day."""
    if isinstance(found, list):
        return sum(due_before is None or request.due < due_before for request in found)
    return (found.filter(due__lt=due_before) if due_before else found).count()


def _for_roles(account: Account) -> Q:
    """Requests that wait for a role which the account holds there, and whose subject it has no part in."""
    opening, reach = roles_with("signoff.vote"), Q(pk__in=[])
    for grant in account.grants:
        if grant.role in opening and account.may("signoff.vote"):
            reach |= Q(open_roles__contains=[grant.role], unit__path__startswith=grant.unit.path)
    return reach & ~Q(Exists(Exclusion.objects.filter(request=OuterRef("pk"), person=account.person_id)))


def _judged(found: list[Request], account: Account) -> list[Request]:
    if not found:
        return []
    on, open_to = ground(found), []
    for request in found:
        past = history_of(request, on, candidates=False)
        now = evaluate(request.policy.content, past)
        reason = may_sign(request.policy.content, past, now, signer(request, account, on))
        if reason is None and account.lacks("signoff.vote", request) is None:
            open_to.append(request)
    return open_to
