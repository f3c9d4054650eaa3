"""The difference that bringing a version to a place would make, seen before anything is sent."""

from dataclasses import dataclass

from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import Cap, Observed
from mrm.core.refusal import Refused
from mrm.deployment import queries
from mrm.deployment.models import Deployment
from mrm.deployment.services.target import contact
from mrm.inventory.models import Version


@dataclass(frozen=True)
class Change:
    """One line of a plan: what it is now at the place, and what it would be."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """What would change, and the fingerprint of what it was made for."""

    version: Version
    changes: tuple[Change, ...]
    fingerprint: str
    warnings: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing but the number of the revision would change."""
        return all(each.before == each.after for each in self.changes if each.what != "Revision")


def plan(deployment: Deployment, version: Version) -> Plan:
    """Look at the place now, and compare; nothing is changed and nothing recorded."""
    try:
        with contact(deployment.target) as place:
            observed, caps = place.observe(deployment.endpoint), place.caps
    except ConnectorError as error:
        raise Refused(f"{deployment.target} could not be looked at, so there is no plan. {error}") from error
    artifact = version.artifact
    last = deployment.revisions.first()
    changes = [
        Change("Version", _versions(observed), version.label),
        Change("Revision", str(observed.revision or "–"), str((last.number if last else 0) + 1)),
    ]
    if Cap.OBSERVE_DIGEST in caps and artifact is not None:
        changes.insert(1, Change("SHA-256", _digests(observed), artifact.sha256))
    return Plan(version, tuple(changes), observed.fingerprint(), tuple(_warnings(deployment, observed, caps)))


def _versions(observed: Observed) -> str:
    return ", ".join(each.version for each in observed.variants) or "nothing"


def _digests(observed: Observed) -> str:
    return ", ".join(each.digest or "not shown" for each in observed.variants) or "–"


def _warnings(deployment: Deployment, observed: Observed, caps: Cap) -> list[str]:
    found = []
    current = queries.current(deployment)
    wanted = current.version.label if current and current.version else None
    strangers = [each.version for each in observed.variants if each.version != wanted]
    if strangers:
        found.append(f"The place serves {', '.join(strangers)}, which is not what was brought there last.")
    if Cap.DECLARED_ONLY in caps:
        found.append("This place only declares what it serves: the golden rows are what shows whether it does.")
    if Cap.PREDICT not in caps:
        found.append("This place answers no predictions to us: its behaviour will not be verified.")
    return found
