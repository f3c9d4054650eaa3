"""The way back after the gateway went over to the backup: never by itself, always by a person, under a signature."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from mrm.access import services as access
from mrm.access.models import Account
from mrm.access.services import Confirmed
from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError, OutcomeUnknown
from mrm.connectors.protocol import Connector, Op
from mrm.core.actors import permit
from mrm.core.canonical import canonical, digest
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import queries
from mrm.deployment.models import Deployment, FailBack
from mrm.deployment.services.control import refresh
from mrm.deployment.services.operations import note, send
from mrm.deployment.services.target import contact
from mrm.deployment.services.wanting import locked
from mrm.deployment.workflow import OperationState

SALT = "mrm.deployment.fail_back"
FRESH = 300  # seconds between reading the statement and signing it
DEADLINE = dt.timedelta(seconds=30)
MEANING = "I send these versions back to their requests: what they failed by is over, for the reason stated."


def compose_fail_back(deployment: Deployment, *, reason: str, actor: Account) -> tuple[dict[str, Any], str]:
    """What whoever sends a version back will sign, and the sealed token that brings it back."""
    permit(actor, "deployment.fail_back", deployment)
    if not reason.strip():
        raise Invalid("Sending a version back needs its reason.", fields={"reason": ["Needed."]})
    if refusal := queries.why_no_fail_back(deployment, actor):
        raise Refused(refusal)
    current = queries.current(deployment)
    facts = {
        "deployment": str(deployment.pk),
        "model": deployment.model.ref,
        "place": deployment.target.key,
        "endpoint": deployment.endpoint,
        "revision": current.number if current else 0,
        "passed_over": queries.passed_over(deployment),
        "reason": reason.strip(),
        "meaning": MEANING,
    }
    return access.composed(facts, actor=actor, salt=SALT)


def fail_back(
    deployment: Deployment,
    *,
    token: str,
    actor: Account,
    password: str = "",
    code: str = "",
    answer: Mapping[str, Any] | None = None,
) -> FailBack:
    """Confirm who signs, keep what was signed, then have the place let the versions answer again."""
    statement, confirmed = access.signed(
        token, salt=SALT, seconds=FRESH, where="deployment", actor=actor, undone="the version was not sent back",
        password=password, code=code, answer=answer,
    )  # fmt: skip
    made = _sign(deployment, statement=statement, confirmed=confirmed, actor=actor, reason=statement["reason"])
    try:
        with contact(made.deployment.target) as place:
            _send_back(place, made, actor)
    except ConnectorError as error:
        raise Refused(f"{made.deployment.target} did not send it back: {error}") from error
    refresh(made.deployment, actor=actor)
    return made


@audited("deployment.fail_back", "had {version} sent back to its requests at {target}")
def _sign(
    deployment: Deployment, *, statement: dict[str, Any], confirmed: Confirmed, actor: Account, reason: str
) -> FailBack:
    """Write down who wants the versions back and why, before anything is sent."""
    permit(actor, "deployment.fail_back", deployment)
    deployment = locked(deployment)
    current, over = queries.current(deployment), queries.passed_over(deployment)
    if (statement["deployment"], statement["person"]) != (str(deployment.pk), str(actor.person_id)):
        raise Refused("This statement was made for another deployment or another person.")
    if refusal := queries.why_no_fail_back(deployment, actor):
        raise Refused(refusal)
    if current is None or (statement["revision"], statement["passed_over"]) != (current.number, over):
        raise Refused("What is passed over here changed since you read the statement: read it anew.")
    signed = digest(statement)
    if FailBack.objects.filter(statement_digest=signed).exists():
        raise Refused("This statement was signed before; open the deployment and read a new one.")
    describe(
        version=", ".join(over), target=deployment.target.name, statement_digest=signed, method=confirmed.method,
        passed_over=over,
    )  # fmt: skip
    return FailBack.objects.create(
        deployment=deployment, revision=current, passed_over=over, reason=reason, statement=canonical(statement).decode(),
        statement_digest=signed, method=confirmed.method, evidence=confirmed.evidence, signed_by=actor,
    )  # fmt: skip


def _send_back(place: Connector, made: FailBack, actor: Account) -> None:
    endpoint, key = made.deployment.endpoint, f"{made.deployment_id}:{made.statement_digest[:16]}:fail-back"
    before = place.observe(endpoint).fingerprint()
    operation = send(made.revision, purpose="fail_back", key=key, before=before, actor=actor)
    op = Op(id=str(operation.pk), idempotency_key=key, deadline=timezone.now() + DEADLINE)
    try:
        done = place.fail_back(endpoint, person=actor.name, reason=made.reason, op=op)
    except ConnectorError as error:
        lost = isinstance(error, OutcomeUnknown)
        state = OperationState.UNKNOWN if lost else OperationState.FAILED
        note(operation, state=state, message=str(error), actor=actor)
        raise
    after = place.observe(endpoint).fingerprint()
    note(operation, state=OperationState.DONE, message=done.message, after=after, actor=actor)
