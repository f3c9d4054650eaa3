"""Proposals of roles that sign, as people make and sign them."""

from typing import Any

from mrm.access.models import Account
from mrm.entitlement import queries, services
from mrm.entitlement.models import Proposal
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
