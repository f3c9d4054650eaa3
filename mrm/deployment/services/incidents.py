"""Incidents: opened by whoever looks, explained by the people at the place, closed by somebody of the second line."""

from typing import Any

from django.db.models import Max
from django.utils import timezone

from mrm.access.models import Account
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Invalid, Refused
from mrm.deployment import queries
from mrm.deployment.models import Deployment, Incident, Revision
from mrm.deployment.policies import Drift
from mrm.deployment.workflow import INCIDENTS, IncidentState

CLOCK = System("deployment")


def open_incident(
    deployment: Deployment, drift: Drift, *, seen: dict[str, Any], revision: Revision | None, actor: Actor = CLOCK
) -> Incident:
    """One incident for each kind of trouble at a deployment: the open one, or a new one."""
    if already := queries.open_incidents(deployment).filter(kind=drift.kind).first():
        return already
    return _open(deployment, drift, seen=seen, revision=revision, actor=actor)


@audited("deployment.open_incident", "opened {subject}: {sentence}")
def _open(
    deployment: Deployment, drift: Drift, *, seen: dict[str, Any], revision: Revision | None, actor: Actor
) -> Incident:
    Deployment.objects.select_for_update(of=("self",)).get(pk=deployment.pk)
    if already := queries.open_incidents(deployment).filter(kind=drift.kind).first():
        raise Refused(f"Incident {already.number} is open about this already.")
    last = deployment.incidents.aggregate(last=Max("number"))["last"] or 0
    describe(sentence=drift.sentence, severity=str(drift.severity))
    return Incident.objects.create(
        deployment=deployment, number=last + 1, kind=drift.kind, severity=drift.severity, sentence=drift.sentence,
        seen=seen, revision=revision,
    )  # fmt: skip


@audited("deployment.explain_incident", "explained {subject}")
def explain_incident(incident: Incident, *, cause: str, actor: Account) -> Incident:
    """Say what happened; the first word stays in the trail when it is said anew."""
    permit(actor, "deployment.explain_incident", incident)
    incident = _locked(incident)
    if incident.status != IncidentState.OPEN:
        raise Refused("This incident is closed.")
    if not cause.strip():
        raise Invalid("Say what happened.", fields={"cause": ["Needed."]})
    incident.cause, incident.explained_by = cause, actor
    incident.save(update_fields=["cause", "explained_by"])
    return incident


@audited("deployment.close_incident", "closed {subject}")
def close_incident(incident: Incident, *, resolution: str, actor: Account) -> Incident:
    """Say what became of it. A difference that is still seen stays open; an emergency is reviewed by another person."""
    incident = _locked(incident)
    INCIDENTS.apply(incident, "close_incident", actor)
    if not resolution.strip():
        raise Invalid("Say what became of it.", fields={"resolution": ["Needed."]})
    incident.resolution, incident.closed_by, incident.closed_at = resolution, actor, timezone.now()
    incident.save(update_fields=["status", "resolution", "closed_by", "closed_at"])
    return incident


def _locked(incident: Incident) -> Incident:
    return (
        Incident.objects.select_for_update(of=("self",))
        .select_related("deployment__model__unit", "deployment__target", "revision__requested_by__person")
        .get(pk=incident.pk)
    )
