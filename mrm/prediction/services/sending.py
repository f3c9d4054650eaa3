"""What a place is given to score, on record: the sending before anything is sent, the job of the place, the clearing up."""

from django.utils import timezone

from mrm.approval.models import Approval
from mrm.audit.trail import audited, describe
from mrm.connectors.protocol import BatchResult
from mrm.core.actors import Actor
from mrm.jobs.kinds import Cancelled
from mrm.prediction import queries
from mrm.prediction.models import BatchRun
from mrm.prediction.queries.exchange import NotTaken
from mrm.prediction.services.batch import Closed, locked
from mrm.prediction.workflow import BatchState


@audited("prediction.send_batch", "sent {subject} to {place}")
def send_batch(run: BatchRun, *, actor: Actor) -> BatchRun:
    """Write down that the run goes to its place, if that is approved and in force there still; nothing is sent before."""
    run = locked(run)
    if run.status != BatchState.RUNNING:
        raise Cancelled
    Approval.objects.select_for_update(of=("self",), no_key=True).get(pk=run.approval_id)
    if refusal := queries.why_not_go_on(run):
        raise Closed(refusal)
    if refusal := queries.why_not_sent(run):
        raise NotTaken(refusal)
    describe(place=_place(run), again=run.sent_at is not None)
    if run.sent_at is None:
        run.sent_at = timezone.now()
        run.save(update_fields=["sent_at"])
    return run


@audited("prediction.note_job", "noted that {place} scores {subject} as {job}")
def note_job(run: BatchRun, *, found: BatchResult, actor: Actor) -> BatchRun:
    """Put the place's own name of the job on record; from here on it never changes."""
    run = locked(run)
    if run.status != BatchState.RUNNING:
        raise Cancelled
    if run.sent_at is None:
        raise NotTaken(f"{_place(run)} holds {found.job}, the name of a job of this run, which was not sent.")
    describe(place=_place(run), job=found.job, said=found.message)
    run.backend_job, run.backend_handle = found.job, found.handle
    run.save(update_fields=["backend_job", "backend_handle"])
    return run


@audited("prediction.clear_batch", "took the rows of {subject} away from {place}")
def note_cleared(run: BatchRun, *, actor: Actor) -> BatchRun:
    """Say that rows and scores of a run no longer lie at the place that scored them."""
    describe(place=_place(run), job=run.backend_job)
    return run


def _place(run: BatchRun) -> str:
    assert run.revision is not None
    return run.revision.deployment.target.name
