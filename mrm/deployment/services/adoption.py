"""Taking over what already runs at a place: planned from what is seen there, then wanted, signed and verified as any."""

from dataclasses import dataclass

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import FULL, Observed, ObservedVariant
from mrm.core.actors import permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import Deployment, Look, Revision, RevisionKind, Target
from mrm.deployment.policies import Share
from mrm.deployment.services.target import contact, offered_by
from mrm.deployment.services.wanting import want
from mrm.inventory.models import Model, Version
from mrm.serving import Serving


@dataclass(frozen=True)
class Taken:
    """One variant that serves there, with the version that has its bytes, or why it is not taken over."""

    seen: ObservedVariant
    version: Version | None
    refusal: str | None


@dataclass(frozen=True)
class Adoption:
    """What would be taken over, and the fingerprint of what it was read from."""

    target: Target
    model: Model
    endpoint: str
    taken: tuple[Taken, ...]
    fingerprint: str
    warnings: tuple[str, ...]
    closed: tuple[str, ...]

    @property
    def shares(self) -> list[Share]:
        """The same versions in the same roles, with the same parts of the traffic."""
        alone = len(self.taken) == 1
        return [_share(each, alone) for each in self.taken]


def plan_adoption(model: Model, *, target: Target, endpoint: str) -> Adoption:
    """Look at what serves at an endpoint that is not managed, and match it by its bytes; nothing is changed."""
    there = Deployment.objects.filter(target=target, endpoint=endpoint).exists()
    refusal = policies.cannot_adopt(target.name, target.connector, offered_by(target)) or policies.managed_already(
        target.name, endpoint, there
    )
    if refusal:
        raise Refused(refusal)
    try:
        with contact(target) as place:
            found, observed = place.observe(endpoint), place.adopt(endpoint)
    except ConnectorError as error:
        raise Refused(f"{target} could not be looked at, so there is no plan. {error}") from error
    if refusal := policies.nothing_there(target.name, endpoint, observed.exists and bool(observed.variants)):
        raise Refused(refusal)
    wanted = Deployment(model=model, target=target, endpoint=endpoint)
    taken = tuple(_taken(wanted, each) for each in observed.variants)
    refused = tuple(each.refusal for each in taken if each.refusal)
    return Adoption(target, model, endpoint, taken, found.fingerprint(), _warnings(observed, taken), refused)


def _taken(wanted: Deployment, seen: ObservedVariant) -> Taken:
    """The version with these bytes that may serve here; of several, the one of the same label."""
    found = list(queries.candidates(wanted).filter(artifact=seen.digest)) if seen.digest else []
    if not found:
        return Taken(seen, None, policies.bytes_unknown(seen.version, seen.digest, wanted.model.name))
    found.sort(key=lambda each: each.label != seen.version)
    refusals = [queries.why_not_served(wanted, each, seen.digest or "", seen.role) for each in found]
    version, refusal = min(zip(found, refusals, strict=True), key=lambda each: each[1] is not None)
    return Taken(seen, version, refusal or policies.not_ready(seen.version, seen.ready, seen.reason))


def _share(taken: Taken, alone: bool) -> Share:
    seen = taken.seen
    if alone:
        return Share(taken.version, "champion", FULL)
    return Share(taken.version, seen.role, seen.weight_bp, seen.mirror_bp or 0)


def _warnings(observed: Observed, taken: tuple[Taken, ...]) -> tuple[str, ...]:
    found = [
        f"{each.seen.version} there is {each.version} here: callers read its new label in each answer."
        for each in taken
        if each.version and each.version.label != each.seen.version
    ]
    if len(taken) > 1:
        found.append("Units are assigned anew, so that some callers get another version than before.")
    if observed.rules is not None and observed.rules != Serving().fingerprint():
        found.append("The place serves by rules of its own: they become those that are usual here.")
    return tuple(found)


def adopt(model: Model, *, target: Target, endpoint: str, planned_on: str, reason: str, actor: Account) -> Revision:
    """Want what was seen there as it is; the place is looked at again, and only what the plan showed is taken over."""
    permit(actor, "deployment.adopt", model)
    if not reason.strip():
        raise Invalid("Taking over needs its reason.", fields={"reason": ["Needed."]})
    adoption = plan_adoption(model, target=target, endpoint=endpoint)
    return _adopt(model, adoption=adoption, planned_on=planned_on, reason=reason.strip(), actor=actor)


@audited("deployment.adopt", "asked to take over {endpoint} at {target}, which serves {version}")
def _adopt(model: Model, *, adoption: Adoption, planned_on: str, reason: str, actor: Account) -> Revision:
    """Open the endpoint and want on it what serves there, through the gate of every deployment."""
    permit(actor, "deployment.adopt", model)
    if adoption.closed:
        raise Refused(*adoption.closed)
    if refusal := policies.still_as_planned(planned_on or "none", adoption.fingerprint, begun=False):
        raise Refused(refusal)
    target, endpoint = adoption.target, adoption.endpoint
    if Deployment.objects.filter(target=target, endpoint=endpoint).exists():
        raise Invalid(f"{target} has an endpoint {endpoint} already.", fields={"endpoint": ["Taken."]})
    made = Deployment.objects.create(model=model, target=target, endpoint=endpoint)
    Look.objects.create(deployment=made)
    describe(endpoint=endpoint)
    told = f"Taken over as it serves. {reason}"
    return want(made, adoption.shares, actor, kind=RevisionKind.DEPLOY, reason=told, planned_on=adoption.fingerprint)
