"""Proposals of roles that sign and reviews of access, as people make and sign them."""

import datetime as dt
from typing import Any

from django.test import Client
from django.utils import timezone

from mrm.access.models import Account
from mrm.entitlement import queries, services
from mrm.entitlement.models import Item, Proposal, Review
from mrm.signoff.models import Request
from tests.factories.access import Cast, fresh
from tests.factories.approval import sign


def proposed(cast: Cast, **given: Any) -> Proposal:
    """Somebody without a role is to validate in Retail Lending."""
    values = {"role": "validator", "unit": cast.retail, "reason": "Joins the validation team."} | given
    concerned: Account = values.pop("account", cast.outsider)
    return services.propose(fresh(concerned), **values, actor=fresh(cast.administrator))


def request_of(proposal: Proposal) -> Request:
    found = queries.request_of(proposal)
    assert found is not None
    return found


def signed(cast: Cast, **given: Any) -> Proposal:
    """A proposal that a risk officer and the lead have signed: the time to object runs."""
    made = proposed(cast, **given)
    for signer in (cast.officer, cast.lead):
        sign(request_of(made), signer)
    return made


def under_review(cast: Cast, **given: Any) -> Review:
    """All access of the bank before its leads; the administrator opened it."""
    due = timezone.localdate() + dt.timedelta(days=14)
    values = {"title": "Year end", "unit": cast.bank, "due": due, "revoke_overdue": False, "substitute": None} | given
    return services.open_review(**values, actor=fresh(cast.administrator))


def item_of(review: Review, account: Account, role: str = "") -> Item:
    found = Item.objects.filter(review=review, account=account)
    return found.get(content__role=role) if role else found.get()


def decide_all(cast: Cast, review: Review, *reviewers: Account) -> None:
    """Each confirms everything that waits for him."""
    for reviewer in reviewers:
        keys = [item.pk for item in queries.own_items(review, fresh(reviewer)) if item.is_pending]
        services.confirm(review, keys=keys, reason="Still needed.", actor=fresh(reviewer))


def client_of(account: Account) -> Client:
    client = Client()
    client.force_login(fresh(account), backend="mrm.project.signin.AccountBackend")
    return client
