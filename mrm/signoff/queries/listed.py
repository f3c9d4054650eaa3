"""What waits for one account: a fixed number of queries, however much there is."""

import datetime as dt

from django.db.models import Exists, OuterRef, Q, QuerySet

from mrm.access.models import Account
from mrm.access.roles import roles_with
from mrm.signoff.models import Exclusion, Request
from mrm.signoff.policies import evaluate, may_sign
from mrm.signoff.queries.fold import signer
from mrm.signoff.queries.ground import ground, history_of
from mrm.signoff.queries.records import open_requests

JUDGED = 200  # so many are judged one by one; of more, the list shows what waits for the account's roles


def waiting(account: Account, tier: str = "") -> "list[Request] | QuerySet[Request]":
    """The open requests that this account may sign now, by due date and tier.

    With more than `JUDGED` that wait for its roles, those are given unjudged; each is judged where it is shown.
    """
    found = _for_roles(account)
    found = found.filter(tier=tier) if tier else found
    few = list(found[: JUDGED + 1])
    return found if len(few) > JUDGED else _judged(few, account)


def waiting_count(account: Account) -> int:
    """How many requests wait for this account: as many as `waiting` gives."""
    return number_of(waiting(account))


def number_of(found: "list[Request] | QuerySet[Request]", *, due_before: dt.date | None = None) -> int:
    """How many requests there are, or how many of them are due before a day."""
    if isinstance(found, list):
        return sum(due_before is None or request.due < due_before for request in found)
    return (found.filter(due__lt=due_before) if due_before else found).count()


def _for_roles(account: Account) -> QuerySet[Request]:
    """Open requests that wait for a role which the account holds there, and whose subject it has no part in."""
    opening, reach = roles_with("signoff.vote"), Q(pk__in=[])
    for grant in account.grants:
        if grant.role in opening and account.may("signoff.vote"):
            reach |= Q(open_roles__contains=[grant.role], unit__path__startswith=grant.unit.path)
    shut = Exclusion.objects.filter(request=OuterRef("pk"), person=account.person_id)
    return open_requests(account).filter(reach).exclude(Exists(shut))


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
