"""What people say a sighting is, and what became of a finding."""

from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.refusal import Forbidden, Invalid
from mrm.discovery import queries
from mrm.discovery.models import ShadowFinding, Sighting
from mrm.discovery.policies import How
from mrm.discovery.services.findings import open_findings
from mrm.discovery.workflow import FINDINGS, SIGHTINGS
from mrm.inventory.models import Version


@audited("discovery.confirm", "said that {subject} is {version}")
def confirm(sighting: Sighting, *, version: Version, reason: str = "", actor: Account) -> Sighting:
    """Say which version of the inventory it is; never one's own."""
    sighting = _locked(sighting)
    SIGHTINGS.apply(sighting, "confirm", actor)
    if refusal := queries.why_not_settle(sighting, version, actor):
        raise Forbidden(refusal)
    sighting.version, sighting.how = version, How.PERSON
    _settle(sighting, reason, actor)
    describe(version=f"{version.model.ref} {version}")
    open_findings(sighting.target, actor=actor)
    return sighting


@audited("discovery.dismiss", "said that {subject} is no model")
def dismiss(sighting: Sighting, *, reason: str, actor: Account) -> Sighting:
    """Say that what answers there is no model, and why."""
    sighting = _locked(sighting)
    SIGHTINGS.apply(sighting, "dismiss", actor)
    if not reason.strip():
        raise Invalid("Say why this is no model.", fields={"reason": ["Needed."]})
    sighting.version, sighting.how = None, ""
    _settle(sighting, reason, actor)
    return sighting


def _settle(sighting: Sighting, reason: str, actor: Account) -> None:
    sighting.reason, sighting.settled_by, sighting.settled_at = reason, actor, timezone.now()
    sighting.save()


@audited("discovery.close_finding", "closed the {subject}")
def close_finding(finding: ShadowFinding, *, resolution: str, actor: Account) -> ShadowFinding:
    """Say what became of it, when it is no more so."""
    rows = ShadowFinding.objects.select_for_update(of=("self",)).select_related(
        "sighting__target__unit", "sighting__version"
    )
    finding = rows.get(pk=finding.pk)
    FINDINGS.apply(finding, "close_finding", actor)
    if not resolution.strip():
        raise Invalid("Say what became of it.", fields={"resolution": ["Needed."]})
    finding.resolution, finding.closed_by, finding.closed_at = resolution, actor, timezone.now()
    finding.save(update_fields=["status", "resolution", "closed_by", "closed_at"])
    return finding


def _locked(sighting: Sighting) -> Sighting:
    return Sighting.objects.select_for_update(of=("self",)).select_related("target__unit").get(pk=sighting.pk)
