import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.utils import timezone

from mrm.access.models import BusinessUnit
from mrm.audit.trail import audited, describe
from mrm.connectors.errors import AuthFailed, ConnectorError, OutcomeUnknown, Transient
from mrm.connectors.protocol import Artifact, Cap, Connector
from mrm.connectors.registry import available, connector, connector_class
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.core.secrets import secret
from mrm.deployment import queries
from mrm.deployment.models import Breaker, Environment, Target

FAILURES = 5
SHORTEST, LONGEST = dt.timedelta(seconds=30), dt.timedelta(minutes=5)


class Store:
    """Where connectors read bytes from: the verified copy made just before the push."""

    def open(self, artifact: Artifact, name: str) -> BinaryIO:
        path = blobs.fetch(next(file.digest for file in artifact.files if file.name == name))
        stream = path.open("rb")
        path.unlink()
        return cast(BinaryIO, stream)


def connect(target: Target) -> Connector:
    """The connector of a target, ready to use; a fault in its configuration is told by field."""
    try:
        kind = connector_class(target.connector, settings.CONNECTORS)
        secrets = {
            target.config[field]: secret(target.config[field], signs=field in kind.signing_fields)
            for field in kind.secret_fields
            if field in target.config
        }
        limits = {"enabled": settings.CONNECTORS, "folders": settings.CONNECTOR_FOLDERS}
        return connector(target.connector, target.config, secrets, Store(), **limits)
    except ConnectorError as error:
        raise Refused(str(error)) from error


def check_settings(target: Target) -> None:
    """Invalid by the setting that is meant, where the connector cannot be made with the settings; nothing is sent.

    A secret that is not set is no fault of the settings, and Refused.
    """
    try:
        connect(target)
    except Refused as refusal:
        fault = refusal.__cause__
        if isinstance(fault, ConnectorError):
            meant = ".".join(["config", *filter(None, [getattr(fault, "field", "")])])
            raise Invalid(*refusal.reasons, fields={meant: list(refusal.reasons)}) from refusal
        raise


def offered_by(target: Target) -> Cap:
    """What the connector of a target can do, configured as it is; nothing is sent."""
    return connect(target).caps


def only_lists(target: Target) -> bool:
    """Whether nothing is served at the place: its connector lists what it holds, and that is all."""
    return connector_class(target.connector, settings.CONNECTORS).caps == Cap.INVENTORY


@contextmanager
def contact(target: Target) -> Iterator[Connector]:
    """The connector, behind a circuit breaker: a place that failed five times in a row is left alone for a while.

    What the place refuses for a reason of its own is an answer, and counts as one.
    """
    breaker = Breaker.objects.filter(target=target).first() or Breaker(target=target)
    now = timezone.now()
    if breaker.open_until and breaker.open_until > now:
        seconds = (breaker.open_until - now).total_seconds()
        raise ConnectorError(
            f"{target} failed {breaker.failures} times in a row and is left alone for {seconds:.0f} s. {breaker.error}",
            permanent=False,
        )
    try:
        yield connect(target)
    except (Transient, OutcomeUnknown, AuthFailed) as error:
        breaker.failures, breaker.error = breaker.failures + 1, str(error)
        if breaker.failures >= FAILURES:
            breaker.open_until = now + min(LONGEST, SHORTEST * 2 ** min(breaker.failures - FAILURES, 9))
        breaker.save()
        raise
    if breaker.failures:
        breaker.failures, breaker.open_until, breaker.error = 0, None, ""
        breaker.save()


@audited("deployment.add_target", "added the serving place {subject}")
def add_target(
    *,
    key: str,
    name: str,
    connector_id: str,
    config: dict[str, Any],
    environment: str,
    unit: BusinessUnit,
    actor: Actor,
) -> Target:
    """Name a serving place; its configuration is checked, its secrets are not stored."""
    permit(actor, "deployment.add_target", unit)
    if taken := queries.why_key_taken(key):
        raise Invalid(taken, fields={"key": ["Taken by another place."]})
    found = Environment.objects.filter(key=environment).first()
    if found is None:
        known = ", ".join(Environment.objects.values_list("key", flat=True))
        raise Invalid(
            f"There is no environment {environment}; there are {known}.", fields={"environment": ["Unknown."]}
        )
    target = Target(key=key, name=name, connector=connector_id, config=config, environment=found, unit=unit)
    offers = available(settings.CONNECTORS)
    if connector_id not in offers:
        raise Invalid(
            f"There is no connector {connector_id}; there are {', '.join(offers)}.", fields={"connector": ["Unknown."]}
        )
    check_settings(target)
    describe(
        connector=connector_id, version=offers[connector_id].version, distribution=offers[connector_id].distribution
    )
    target.save(force_insert=True)
    return target


@audited("deployment.check_target", "tested the serving place {subject}: {answer}")
def check_target(target: Target, *, actor: Actor) -> Target:
    """Ask the place whether it answers, and keep what it said."""
    permit(actor, "deployment.check_target", target)
    try:
        target.checked, target.answers = connect(target).check(), True
    except ConnectorError as error:
        target.checked, target.answers = str(error), False
    target.checked_at = timezone.now()
    target.save(update_fields=["checked", "answers", "checked_at"])
    describe(answer=target.checked)
    return target
