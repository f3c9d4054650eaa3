from typing import Any, BinaryIO, cast

from django.conf import settings
from django.utils import timezone

from mrm.access.models import BusinessUnit
from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import Artifact, Connector
from mrm.connectors.registry import available, connector, connector_class
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.refusal import Invalid, Refused
from mrm.core.secrets import secret
from mrm.deployment.models import Target


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
            target.config[field]: secret(target.config[field]) for field in kind.secret_fields if field in target.config
        }
        return connector(target.connector, target.config, secrets, Store(), enabled=settings.CONNECTORS)
    except ConnectorError as error:
        raise Refused(str(error)) from error


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
    if Target.objects.filter(key=key).exists():
        raise Invalid(f"The key {key} is taken.", fields={"key": ["Taken by another place."]})
    target = Target(key=key, name=name, connector=connector_id, config=config, environment=environment, unit=unit)
    offers = available(settings.CONNECTORS)
    if connector_id not in offers:
        raise Invalid(
            f"There is no connector {connector_id}; there are {', '.join(offers)}.", fields={"connector": ["Unknown."]}
        )
    connect(target)
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
