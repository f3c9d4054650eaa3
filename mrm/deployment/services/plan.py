"""The difference that bringing versions to a place would make, seen before anything is sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mrm.connectors.errors import ConnectorError
from mrm.connectors.protocol import Cap, Observed, ObservedVariant
from mrm.core.refusal import Refused
from mrm.deployment import policies, queries
from mrm.deployment.models import LIVE, Deployment, Revision, VariantRole
from mrm.deployment.policies import Share
from mrm.deployment.services.control import check_offered
from mrm.deployment.services.record import rules_in_force
from mrm.deployment.services.target import contact
from mrm.deployment.services.wanting import check_rules
from mrm.serving import Serving


@dataclass(frozen=True)
class Change:
    """One line of a plan: what it is now at the place, and what it would be."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Plan:
    """What would change, and the fingerprint of what it was made for."""

    shares: tuple[Share, ...]
    changes: tuple[Change, ...]
    fingerprint: str
    steps: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing but the number of the revision would change."""
        return all(each.before == each.after for each in self.changes if each.what != "Revision")

    @property
    def single(self) -> bool:
        """One version that takes everything."""
        return len(self.shares) == 1


def plan(
    deployment: Deployment, shares: Sequence[Share], steps: Sequence[int] = (), rules: Serving | None = None
) -> Plan:
    """Look at the place now, and compare; nothing is changed and nothing recorded."""
    if refusal := policies.not_whole(shares) or policies.steps_wrong(shares, steps):
        raise Refused(refusal)
    check_offered(deployment, shares)
    wanted = rules or queries.rules_wanted(deployment)
    check_rules(deployment, wanted, shares)
    try:
        with contact(deployment.target) as place:
            observed, caps = place.observe(deployment.endpoint), place.caps
    except ConnectorError as error:
        raise Refused(f"{deployment.target} could not be looked at, so there is no plan. {error}") from error
    last, current = deployment.revisions.first(), queries.current(deployment)
    number = Change("Revision", str(observed.revision or "–"), str((last.number if last else 0) + 1))
    several = len(shares) > 1 or len(observed.variants) > 1
    changes = _by_version(shares, observed, caps) if several else _whole(shares[0], observed, caps)
    return Plan(
        tuple(shares),
        (*changes, *_rules(current, wanted, observed), number),
        observed.fingerprint(),
        tuple(steps),
        _warnings(current, observed, caps),
        _closed(deployment, shares),
    )


def _closed(deployment: Deployment, shares: Sequence[Share]) -> tuple[str, ...]:
    """Why what is planned may not serve there, version by version: the wish would be refused in the same words."""
    found = (
        queries.why_not_served(deployment, each.version, each.version.artifact_id or "", each.role) for each in shares
    )
    return tuple(each for each in found if each)


def _whole(share: Share, observed: Observed, caps: Cap) -> list[Change]:
    """One version in the place of another."""
    changes = [
        Change("Version", ", ".join(each.version for each in observed.variants) or "nothing", share.version.label)
    ]
    if Cap.OBSERVE_DIGEST in caps and share.version.artifact is not None:
        shown = ", ".join(each.digest or "not shown" for each in observed.variants) or "–"
        changes.append(Change("SHA-256", shown, share.version.artifact.sha256))
    return changes


def _by_version(shares: Sequence[Share], observed: Observed, caps: Cap) -> list[Change]:
    """A line for each version that serves now or afterwards, and one for its bytes where they differ."""
    seen = {each.version: each for each in observed.variants}
    wanted = {each.version.label: each for each in shares}
    found = []
    for label in dict.fromkeys([*wanted, *seen]):
        after, before = wanted.get(label), seen.get(label)
        found.append(Change(f"Version {label}", _seen(before), _wanted(after)))
        digest = before.digest if before else None
        if Cap.OBSERVE_DIGEST in caps and after and after.version.artifact_id != digest:
            found.append(Change(f"SHA-256 of {label}", digest or "–", after.version.artifact_id))
    return found


def _seen(variant: ObservedVariant | None) -> str:
    if variant is None:
        return "not served"
    role = variant.role or "served"
    return f"{role}, {variant.weight_bp / 100:g} %" if variant.role in ("", *LIVE) else role


def _wanted(share: Share | None) -> str:
    if share is None:
        return "not served"
    if share.role == VariantRole.SHADOW:
        return f"shadow, copies of {share.mirror_bp / 100:g} %"
    return f"{share.role}, {share.weight_bp / 100:g} %" if share.role in LIVE else str(share.role)


def _rules(current: Revision | None, wanted: Serving, observed: Observed) -> list[Change]:
    """A line for each rule that would be another than the one in force, and for rules that are not those in force."""
    before = queries.rules_in_words(queries.rules_of(current)) if observed.exists else {}
    after = queries.rules_in_words(wanted)
    if not observed.exists and wanted == Serving():
        return []
    return [Change(what, before.get(what, "–"), words) for what, words in after.items() if words != before.get(what)]


def _warnings(current: Revision | None, observed: Observed, caps: Cap) -> tuple[str, ...]:
    found = []
    wanted = {each.version.label for each in queries.shares_of(current)} if current else set()
    strangers = _versions(each for each in observed.variants if each.version not in wanted)
    if strangers:
        found.append(f"The place serves {strangers}, which is not what was brought there last.")
    if current and observed.rules and observed.rules != rules_in_force(current, caps).fingerprint():
        found.append("The place serves by other rules than those that were brought there last.")
    if Cap.DECLARED_ONLY in caps:
        found.append("This place only declares what it serves: the golden rows are what shows whether it does.")
    if Cap.PREDICT not in caps:
        found.append("This place answers no predictions to us: its behaviour will not be verified.")
    return tuple(found)


def _versions(variants: Iterable[ObservedVariant]) -> str:
    return ", ".join(each.version for each in variants)
