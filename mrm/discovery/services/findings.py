"""Findings about what serves without being registered or approved."""

from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor
from mrm.deployment.models import Target
from mrm.discovery.models import ShadowFinding, Sighting
from mrm.discovery.policies import Cause
from mrm.discovery.workflow import FindingState


def open_findings(target: Target, *, actor: Actor) -> int:
    """One open finding for each cause at a sighting; those that are open already stay."""
    opened = 0
    serving = Sighting.objects.filter(target=target, serving=True, gone_at=None).select_related("version__model")
    open_now = ShadowFinding.objects.filter(sighting__target=target, status=FindingState.OPEN)
    standing = set(open_now.values_list("sighting", "cause"))
    for sighting in serving.order_by("pk"):
        cause = sighting.cause
        if cause and (sighting.pk, cause) not in standing:
            _open(sighting, cause, actor=actor)
            opened += 1
    return opened


@audited("discovery.open_finding", "opened a finding about {subject}: {sentence}")
def _open(sighting: Sighting, cause: Cause, *, actor: Actor) -> Sighting:
    sentence = _sentence(sighting, cause)
    describe(sentence=sentence)
    ShadowFinding.objects.create(sighting=sighting, cause=cause, sentence=sentence)
    return sighting


def _sentence(sighting: Sighting, cause: Cause) -> str:
    where = f"{sighting} answers at {sighting.target}"
    if cause == Cause.UNREGISTERED:
        return f"{where}, and the inventory knows of no such model version."
    assert sighting.version is not None
    return f"{where}; it is {sighting.version}, which is {sighting.version.get_status_display().lower()}, not approved."
