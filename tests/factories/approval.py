"""A request before the signers, and their signatures, through the real services."""

import datetime as dt
from typing import Any

from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import services
from mrm.approval.models import Approval
from mrm.inventory.models import Version
from mrm.signoff import services as signoff
from mrm.signoff.models import Request, Vote
from tests.factories import validation
from tests.factories.access import PASSWORD, Cast, fresh, with_password

WHY = "Gini and calibration hold out of time."


def submitted(cast: Cast, of: Version | None = None, **model: Any) -> Request:
    """A request on a validated version, of tier 1 unless told otherwise."""
    of = of or validation.validated(cast, validation.version(cast, validation.model(cast, **model)))
    made = services.submit(of, actor=cast.developer)
    return Request.objects.get(pk=made.pk)


def condition(cast: Cast, **given: str) -> dict[str, str]:
    due = (timezone.localdate() + dt.timedelta(days=30)).isoformat()
    return {
        "text": "Run the fairness tests.",
        "owner": cast.owner.person.email,
        "due": due,
        "evidence": "The run's reference.",
        "gate": "bias",
    } | given


def sign(
    request: Request, account: Account, decision: str = "approve", conditions: list[dict[str, str]] | None = None
) -> Vote:
    """Compose and sign with the right password."""
    signer = with_password(fresh(account)) if not account.has_usable_password() else fresh(account)
    statement, token = signoff.compose(
        request, decision=decision, rationale=WHY, conditions=conditions or [], actor=signer
    )
    assert statement["request"] == request.ref
    return signoff.sign(request, token=token, password=PASSWORD, actor=signer)


def approved(cast: Cast, of: Version | None = None, **model: Any) -> Approval:
    """Signed by two risk officers of different units."""
    asked = submitted(cast, of, **model)
    sign(asked, cast.officer)
    sign(asked, cast.second_officer)
    return Approval.objects.get(request=asked)
