"""What is being done at a serving place, and what depends on it: what a change of its settings would come between."""

import datetime as dt
from collections.abc import Callable, Iterator

from django.utils import timezone

from mrm.core.registry import Registry
from mrm.deployment.models import Deployment, Operation, Revision, RevisionKind, Target
from mrm.deployment.workflow import OperationState, RevisionState
from mrm.jobs.models import Job, JobState

# of areas above: what they have under way at a place, in words
WORK: Registry[Callable[[Target], str | None]] = Registry("work at a serving place")
PUSHES = ("deployment.reconcile", "deployment.heal")
ANSWERED_WITHIN = dt.timedelta(minutes=1)  # sending a version back is over by then, whatever became of it


def under_way(target: Target) -> str | None:
    """The first thing that is being done at a place at this moment, in words, or None."""
    return next(_under_way(target), None)


def _under_way(target: Target) -> Iterator[str]:
    revisions = Revision.objects.filter(deployment__target=target)
    related = ("deployment__model", "deployment__target")
    for each in revisions.filter(status=RevisionState.PENDING).select_related(*related)[:1]:
        yield f"{each} is being {'taken out' if each.kind == RevisionKind.STOP else 'applied'}"
    # a worker may be at one that was set aside since, or brings one in force right again
    jobs = Job.objects.filter(kind__in=PUSHES, state__in=[JobState.QUEUED, JobState.RUNNING])
    named = {job.subject_id: job.label for job in jobs}
    for key in revisions.filter(pk__in=named).values_list("pk", flat=True)[:1]:
        yield f'the work "{named[str(key)]}" waits or is being done'
    since = timezone.now() - ANSWERED_WITHIN
    sent = Operation.objects.filter(revision__in=revisions, status=OperationState.SENT, purpose="fail_back")
    for last in sent.filter(sent_at__gte=since).select_related(*(f"revision__{name}" for name in related))[:1]:
        yield f"versions of {last.revision} are being sent back"
    yield from (told for _name, work in WORK.items() if (told := work(target)))


def running_at(target: Target) -> list[Deployment]:
    """The endpoints at a place at which a version is in force."""
    found = target.deployments.filter(revisions__status=RevisionState.APPLIED, revisions__version__isnull=False)
    return list(found.select_related("model", "target").distinct())


def backed_by(target: Target) -> list[Deployment]:
    """The endpoints elsewhere whose rules in force name one at this place as where their backup answers."""
    keys = [str(key) for key in target.deployments.values_list("pk", flat=True)]
    found = Revision.objects.filter(status=RevisionState.APPLIED, rules__elsewhere__deployment__in=keys)
    return [each.deployment for each in found.select_related("deployment__model", "deployment__target")]
