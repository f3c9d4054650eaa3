"""What runs on an approval that no longer holds must be withdrawn: it is said where it runs, and on record."""

from typing import Any

from django.utils import timezone

from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor
from mrm.deployment import queries
from mrm.deployment.models import Deployment, Health, Look, Revision, Sync, Target
from mrm.deployment.policies import Drift, Kind
from mrm.deployment.services.incidents import CLOCK, open_incident
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Version
from mrm.jobs import services as jobs


def watch(*, version: Version | None = None, actor: Actor = CLOCK) -> int:
    """Ask for every revision in force, or those with one version, whether it may still run; say so where that changed."""
    done = 0
    live = Revision.objects.filter(status=RevisionState.APPLIED).exclude(version=None)
    if version:
        live = live.filter(variants__version=version)
    live = live.select_related("deployment__model__unit", "deployment__target__environment").prefetch_related(
        queries.VARIANTS
    )
    for revision in live:
        told = [each["sentence"] for each in revision.deployment.drift if each["kind"] == Kind.WITHDRAWN]
        found = queries.must_withdraw(revision)
        if found and told != [found.sentence]:
            flag(revision, found=found, actor=actor)
        elif told and not found:
            clear(revision.deployment, actor=actor)
        else:
            continue
        done += 1
    return done


def look_around(*, actor: Actor = CLOCK) -> bool:
    """Ask a worker to look at every place whose turn it is, unless one is at it."""
    due = Look.objects.filter(due__lte=timezone.now()).exists()
    if due:
        jobs.request_once("deployment.look", label="Look at what runs", actor=actor)
    return due


def look_early(target: Target, *, actor: Actor = CLOCK) -> int:
    """Have every endpoint at a place looked at now and not at its turn; how many there are."""
    now = timezone.now()
    Look.objects.filter(deployment__target=target, due__gt=now).update(due=now)
    if found := target.deployments.count():
        jobs.request_once("deployment.look", label="Look at what runs", actor=actor)
    return found


@audited("deployment.flag", "found that what runs must be withdrawn: {line}")
def flag(revision: Revision, *, found: Drift, actor: Actor) -> Deployment:
    """Say at the deployment that its approval does not hold, and have the place looked at."""
    deployment = revision.deployment
    _mark(deployment, [found.told(), *_others(deployment)])
    describe(line=found.sentence)
    open_incident(deployment, found, seen=deployment.observed, revision=revision, actor=actor)
    look_soon(deployment, f"Must be withdrawn: look at {deployment}", actor)
    return deployment


@audited("deployment.clear", "found that what runs at {subject} is approved again")
def clear(deployment: Deployment, *, actor: Actor) -> Deployment:
    """The approval holds again: what was said about it is taken down."""
    _mark(deployment, _others(deployment))
    look_soon(deployment, f"Approved again: look at {deployment}", actor)
    return deployment


def look_soon(deployment: Deployment, label: str, actor: Actor) -> None:
    """The place is looked at, and by that told how the approval stands."""
    jobs.request("deployment.observe", label=label, subject=deployment, actor=actor, deployment=str(deployment.pk))


def _others(deployment: Deployment) -> list[dict[str, Any]]:
    return [each for each in deployment.drift if each["kind"] != Kind.WITHDRAWN]


def _mark(deployment: Deployment, drift: list[dict[str, Any]]) -> None:
    deployment.drift = drift
    deployment.sync = Sync.DRIFTED if drift else Sync.IN_SYNC
    deployment.health = Health.DEGRADED if drift else Health.HEALTHY
    deployment.save(update_fields=["drift", "sync", "health"])
