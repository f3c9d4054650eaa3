"""Environments with their policy, and whether they let a change in now."""

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.formats import date_format

from mrm.access.models import Account
from mrm.core.actors import Actor
from mrm.deployment import policies
from mrm.deployment.models import Deployment, Environment, Freeze, Revision, RevisionKind
from mrm.deployment.policies import Kind
from mrm.deployment.workflow import IncidentState


def environments() -> QuerySet[Environment]:
    """Every environment, with the number of its places and of endpoints there."""
    return Environment.objects.annotate(
        places=Count("targets", distinct=True), endpoints=Count("targets__deployments", distinct=True)
    ).prefetch_related("freezes__declared_by__person", "deployers__person")


def environments_visible_to(account: Account) -> QuerySet[Environment]:
    """The rules of every environment, for whoever holds a role here."""
    return environments() if account.may("view") else environments().none()


def freezes_visible_to(account: Account) -> QuerySet[Freeze]:
    return Freeze.objects.filter(environment__in=environments_visible_to(account)).select_related("environment")


def freeze_now(environment: Environment) -> Freeze | None:
    """The freeze in force at this moment."""
    now = timezone.now()
    return environment.freezes.filter(lifted_at=None, starts_at__lte=now, ends_at__gt=now).first()


def freezing_incident(deployment: Deployment, *but: Kind) -> int | None:
    """The number of an open incident about a difference, of which the environment's policy may make a closed door."""
    reviews = (Kind.EMERGENCY, Kind.PUSH_FAILED, *but)
    found = deployment.incidents.filter(status=IncidentState.OPEN).exclude(kind__in=reviews)
    return found.values_list("number", flat=True).order_by("number").first()


def why_closed(deployment: Deployment) -> str | None:
    """Why nothing new comes to this endpoint now: a freeze, or an incident where the policy says so."""
    environment = deployment.target.environment
    if freeze := freeze_now(environment):
        until = date_format(timezone.localtime(freeze.ends_at), "j F Y, H:i")
        return policies.frozen(environment.name, freeze.reason, until)
    # a backup at another address is brought right by nothing but a new wish, which names it
    return policies.closed_by_incident(environment.drift_policy, freezing_incident(deployment, Kind.BACKUP))


def why_not_named(deployment: Deployment, actor: Actor) -> str | None:
    """Why the actor is not among those who deploy to this environment, or None."""
    environment = deployment.target.environment
    people = [str(key) for key in environment.deployers.values_list("person_id", flat=True)]
    return policies.named(environment.name, environment.named_only, actor.identity.person, people)


def why_not_now(revision: Revision) -> str | None:
    """Why the revision may not be brought about at this moment; going back in an emergency and taking out always may."""
    if revision.emergency or revision.kind == RevisionKind.STOP:
        return None
    return why_closed(revision.deployment) or why_not_named(revision.deployment, revision.requested_by)
