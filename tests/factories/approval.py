"""A request before the signers, and their signatures, through the real services."""

import datetime as dt
from typing import Any

from django.utils import timezone

from mrm.approval import services
from mrm.approval.models import Approval
from mrm.inventory.models import Version
from mrm.signoff.models import Request
from tests.factories import validation
from tests.factories.access import Cast
from tests.factories.signing import WHY, sign

__all__ = ["WHY", "approved", "condition", "sign", "submitted"]


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


def approved(cast: Cast, of: Version | None = None, **model: Any) -> Approval:
    """Signed by two risk officers of different units."""
    asked = submitted(cast, of, **model)
    sign(asked, cast.officer)
    sign(asked, cast.second_officer)
    return Approval.objects.get(request=asked)
