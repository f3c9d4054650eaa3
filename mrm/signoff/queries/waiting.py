"""How many requests wait for one account: one query, whatever there is."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import CharField, ExpressionWrapper, F, OuterRef, QuerySet
from django.db.models.functions import JSONObject

from mrm.access import queries as access
from mrm.access.models import Account
from mrm.signoff.models import Exclusion, Request, Vote
from mrm.signoff.policies import Ballot, History, evaluate, may_sign
from mrm.signoff.queries.fold import signer
from mrm.signoff.queries.records import open_requests


def waiting_count(account: Account) -> int:
    """How many open requests this account may sign now: as many as `waiting_for` lists."""
    if not account.may("signoff.vote"):
        return 0
    return sum(_waits(request, account) for request in _with_history(open_requests(account)))


def _waits(request: Any, account: Account) -> bool:
    if account.lacks("signoff.vote", request):
        return False
    held: dict[str, set[str]] = {}
    for entry in request.held:
        held.setdefault(entry["person"], set()).add(entry["role"])
    past = History(
        request.subject_digest,
        tuple(Ballot(**ballot) for ballot in request.ballots),
        {entry["person"]: entry["reason"] for entry in request.excluded},
        {person: frozenset(roles) for person, roles in held.items()},
    )
    now = evaluate(request.policy.content, past)
    return may_sign(request.policy.content, past, now, signer(request, account)) is None


def _with_history(requests: QuerySet[Request]) -> QuerySet[Request]:
    """Each request with its votes, its exclusions, and the roles that its voters hold on it now."""
    of_request = Vote.objects.filter(request=OuterRef("pk"))
    ballots = of_request.values(
        ballot=JSONObject(
            person="person_id", role="role", unit="unit_path", decision="decision", subject_digest="subject_digest"
        )
    )
    excluded = Exclusion.objects.filter(request=OuterRef("pk")).values(
        entry=JSONObject(person="person_id", reason="reason")
    )
    held = (
        access.grants_in_force()
        .filter(account__is_active=True, account__person__votes__request=OuterRef("pk"))
        .alias(on=ExpressionWrapper(OuterRef("unit__path"), output_field=CharField()))
        .filter(on__startswith=F("unit__path"))
        .order_by()
        .values(entry=JSONObject(person="account__person_id", role="role"))
    )
    return requests.annotate(
        ballots=ArraySubquery(ballots), excluded=ArraySubquery(excluded), held=ArraySubquery(held)
    ).defer("subject_content")
