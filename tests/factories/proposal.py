"""Changes that are signed for, walked through the real services."""

import contextlib
import datetime as dt
from collections.abc import Iterator
from typing import Any
from unittest import mock

from django.utils import timezone

from mrm.access.models import Account
from mrm.inventory.models import Model
from mrm.signoff import services
from mrm.signoff.models import Policy, Proposal, Request
from tests.factories import approval
from tests.factories.access import Cast


@contextlib.contextmanager
def later(**passed: float) -> Iterator[None]:
    """The clock of the application, so much ahead."""
    moment = timezone.now() + dt.timedelta(**passed)
    with mock.patch.object(timezone, "now", return_value=moment):
        yield


def override(cast: Cast, model: Model, tier: str, reason: str = "Watched daily by hand.") -> Proposal:
    """A tier proposed by the owner, before the signers."""
    return services.propose(model, "tier_override", content={"tier": tier}, reason=reason, actor=cast.owner)


def decommissioned(cast: Cast, model: Model, reason: str = "Replaced") -> Model:
    """The end of a model, proposed by the owner and signed by the lead of the business."""
    made = services.propose(model, "decommissioning", content={}, reason=reason, actor=cast.owner)
    approval.sign(made.request, cast.lead)
    return Model.objects.get(pk=model.pk)


def signed(request: Request, *signers: Account) -> Request:
    """Signed by everybody named, and in force after the time to object."""
    for signer in signers:
        approval.sign(request, signer)
    if hours := request.policy.content.get("cool_down_hours"):
        with later(hours=hours, minutes=1):
            services.settle_due()
    return Request.objects.get(pk=request.pk)


def policy_in_force(cast: Cast, key: str, **changes: Any) -> Policy:
    """The policy with some of its content changed: proposed, signed by two risk officers, in force."""
    old = Policy.objects.get(key=key, current=True)
    content = old.content | {"version": old.version + 1} | changes
    made = services.propose(old, "policy_change", content=content, reason="As agreed.", actor=cast.policy_admin)
    signed(made.request, cast.officer, cast.second_officer)
    return Policy.objects.get(key=key, current=True, version=old.version + 1)
