"""The kill switch: one person takes a model out at once, with a reason, under a signature."""

from collections.abc import Mapping
from typing import Any

from mrm.access import services as access
from mrm.access.models import Account
from mrm.access.services import Confirmed
from mrm.audit.trail import audited, describe
from mrm.core.actors import permit
from mrm.core.canonical import canonical, digest
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import queries
from mrm.deployment.models import Deployment, Revision, RevisionKind
from mrm.deployment.services.wanting import ask, locked

SALT = "mrm.deployment.stop"
FRESH = 300  # seconds between reading the statement and signing it
MEANING = "I take this model out of service here, at once and for the reason stated."


def compose_stop(deployment: Deployment, *, reason: str, actor: Account) -> tuple[dict[str, Any], str]:
    """What whoever takes the model out will sign, and the sealed token that brings it back."""
    permit(actor, "deployment.stop", deployment)
    if not reason.strip():
        raise Invalid("Taking a model out needs its reason.", fields={"reason": ["Needed."]})
    current = queries.current(deployment)
    facts = {
        "deployment": str(deployment.pk),
        "model": deployment.model.ref,
        "place": deployment.target.key,
        "endpoint": deployment.endpoint,
        "revision": current.number if current else 0,
        "serves": queries.in_words(queries.shares_of(current)) if current else "nothing",
        "reason": reason.strip(),
        "meaning": MEANING,
    }
    return access.composed(facts, actor=actor, salt=SALT)


def stop(
    deployment: Deployment,
    *,
    token: str,
    actor: Account,
    password: str = "",
    code: str = "",
    answer: Mapping[str, Any] | None = None,
) -> Revision:
    """Confirm who signs, as for any signature, then take out exactly what was shown."""
    statement, confirmed = access.signed(
        token, salt=SALT, seconds=FRESH, where="deployment", actor=actor, undone="the model was not taken out",
        password=password, code=code, answer=answer,
    )  # fmt: skip
    return _stop(deployment, statement=statement, confirmed=confirmed, actor=actor, reason=statement["reason"])


@audited("deployment.stop", "took {model} out of {target}")
def _stop(
    deployment: Deployment, *, statement: dict[str, Any], confirmed: Confirmed, actor: Account, reason: str
) -> Revision:
    """Want nothing at the endpoint any more; neither a freeze nor signatures of others hold it up."""
    permit(actor, "deployment.stop", deployment)
    deployment = locked(deployment)
    if (statement["deployment"], statement["person"]) != (str(deployment.pk), str(actor.person_id)):
        raise Refused("This statement was made for another deployment or another person.")
    signed = digest(statement)
    if deployment.revisions.filter(statement_digest=signed).exists():
        raise Refused("This statement was signed before; open the deployment and read a new one.")
    describe(
        model=deployment.model.name, target=deployment.target.name, statement_digest=signed, method=confirmed.method,
        serves=statement["serves"],
    )  # fmt: skip
    return ask(
        deployment, actor, kind=RevisionKind.STOP, reason=reason, statement=canonical(statement).decode(),
        statement_digest=signed, method=confirmed.method, evidence=confirmed.evidence,
    )  # fmt: skip
