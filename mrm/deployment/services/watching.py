"""What runs on an approval that no longer holds must be withdrawn: it is said where it runs, and on record."""

from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System
from mrm.deployment import queries
from mrm.deployment.models import Deployment, Health, Revision, Sync
from mrm.deployment.workflow import RevisionState
from mrm.jobs import services as jobs

CLOCK = System("deployment")


def watch(*, actor: Actor = CLOCK) -> int:
    """Ask for every revision in force whether it may still run; say so where that changed."""
    done = 0
    live = Revision.objects.filter(status=RevisionState.APPLIED).exclude(version=None)
    for revision in live.select_related("deployment__model__unit", "deployment__target", "version__model__unit"):
        told = [line for line in revision.deployment.drift if line.startswith(queries.MUST_GO)]
        line = queries.must_withdraw(revision)
        if line and told != [line]:
            flag(revision.deployment, line=line, actor=actor)
        elif told and not line:
            clear(revision.deployment, actor=actor)
        else:
            continue
        done += 1
    return done


@audited("deployment.flag", "found that what runs must be withdrawn: {line}")
def flag(deployment: Deployment, *, line: str, actor: Actor) -> Deployment:
    """Say at the deployment that its approval does not hold, and have somebody look at the place."""
    others = [each for each in deployment.drift if not each.startswith(queries.MUST_GO)]
    _mark(deployment, [line, *others])
    describe(line=line)
    jobs.request(
        "deployment.observe",
        label=f"Must be withdrawn: look at {deployment}",
        subject=deployment,
        actor=actor,
        deployment=str(deployment.pk),
    )
    return deployment


@audited("deployment.clear", "found that what runs at {subject} is approved again")
def clear(deployment: Deployment, *, actor: Actor) -> Deployment:
    """The approval holds again: what was said about it is taken down."""
    _mark(deployment, [each for each in deployment.drift if not each.startswith(queries.MUST_GO)])
    return deployment


def _mark(deployment: Deployment, drift: list[str]) -> None:
    deployment.drift = drift
    deployment.sync = Sync.DRIFTED if drift else Sync.IN_SYNC
    deployment.health = Health.DEGRADED if drift else Health.HEALTHY
    deployment.save(update_fields=["drift", "sync", "health"])
