"""Signatures through the real services."""

from mrm.access.models import Account
from mrm.signoff import services as signoff
from mrm.signoff.models import Request, Vote
from tests.factories.access import PASSWORD, fresh, with_password

WHY = "Gini and calibration hold out of time."


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
