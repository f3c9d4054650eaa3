"""Ask for long work, take it, report on it, end it."""

import datetime as dt
from collections.abc import Callable

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from mrm.audit.trail import audited
from mrm.core.actors import Actor
from mrm.core.refusal import Refused
from mrm.jobs.kinds import give_up
from mrm.jobs.models import Job, JobState

SILENT_AFTER = dt.timedelta(seconds=60)


def request(
    kind: str, *, label: str, subject: models.Model | None, actor: Actor, most_attempts: int = 3, **arguments: str
) -> Job:
    """Write the job with the change that needs it; the bell rings after commit."""
    job = Job.objects.create(
        kind=kind,
        label=label[:200],
        arguments=arguments,
        requested_by=actor.identity.key,
        subject_type=subject._meta.label_lower if subject else "",
        subject_id=str(subject.pk) if subject else "",
        most_attempts=most_attempts,
    )
    transaction.on_commit(lambda: import_string(settings.JOBS_DOORBELL)(), robust=True)  # noqa: PLW0108  looked up then
    return job


def waiting(kind: str, subject: models.Model) -> bool:
    """Whether work of this kind on the subject was asked for and has not begun."""
    found = Job.objects.filter(kind=kind, state=JobState.QUEUED, subject_type=subject._meta.label_lower)
    return found.filter(subject_id=str(subject.pk)).exists()


def request_once(kind: str, *, label: str, actor: Actor) -> Job:
    """Work on nothing in particular: what this actor asked for already, and is not done, is what he gets."""
    open_one = Job.objects.filter(
        kind=kind, requested_by=actor.identity.key, state__in=[JobState.QUEUED, JobState.RUNNING]
    ).first()
    return open_one or request(kind, label=label, subject=None, actor=actor)


def rename_requester(former: str, name: str) -> None:
    """Who asked for work is told by the name of his account; an erased one leaves the work as well."""
    Job.objects.filter(requested_by=former).update(requested_by=name)


def take() -> Job | None:
    """The next waiting job, marked as ours; two workers never get the same one."""
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(skip_locked=True)
            .filter(state=JobState.QUEUED, not_before__lte=timezone.now())
            .order_by("not_before")
            .first()
        )
        if job is None:
            return None
        job.state, job.attempts = JobState.RUNNING, job.attempts + 1
        job.started_at = job.heartbeat = timezone.now()
        job.stage, job.done, job.total, job.error = "", 0, 0, ""
        job.save()
    return job


def _ours(job: Job) -> "models.QuerySet[Job]":
    """The row while this attempt still owns it: a worker given up for lost writes nothing any more."""
    return Job.objects.filter(pk=job.pk, state=JobState.RUNNING, attempts=job.attempts)


def beat(job: Job) -> bool:
    """Show that the worker lives; False when the job was taken from it."""
    return bool(_ours(job).update(heartbeat=timezone.now()))


def report(job: Job, stage: str, done: int, total: int) -> bool:
    """Keep the progress; False when somebody asked to cancel or the job was taken away."""
    kept = _ours(job).update(stage=stage[:120], done=done, total=total, heartbeat=timezone.now())
    return bool(kept) and not Job.objects.filter(pk=job.pk, cancel_requested=True).exists()


def finish(job: Job) -> None:
    _ours(job).update(state=JobState.DONE, finished_at=timezone.now(), stage="")


def fail(job: Job, sentence: str, *, retry_in: float | None = None) -> bool:
    """End the attempt; with `retry_in` seconds and attempts left the job waits again. True when it ended."""
    if retry_in is not None and job.attempts < job.most_attempts:
        waiting = timezone.now() + dt.timedelta(seconds=retry_in)
        _ours(job).update(state=JobState.QUEUED, not_before=waiting, error=sentence)
        return False
    _ours(job).update(state=JobState.FAILED, finished_at=timezone.now(), error=sentence)
    return True


def wait(job: Job, sentence: str, seconds: float) -> None:
    """Put off what waits for something elsewhere: whose turn it is still counts up, and with it how often it may."""
    later = timezone.now() + dt.timedelta(seconds=seconds)
    _ours(job).update(
        state=JobState.QUEUED, not_before=later, stage=sentence[:120], most_attempts=models.F("most_attempts") + 1
    )


def stop(job: Job) -> bool:
    """Mark as cancelled what a cancel request ended; False when the job was taken away before."""
    return bool(_ours(job).update(state=JobState.CANCELLED, finished_at=timezone.now()))


@audited("jobs.cancel", "cancelled the work {subject}")
def cancel(job: Job, *, actor: Actor) -> Job:
    """Ask a job to stop: at once when it waits, at its next progress report when it runs."""
    if job.requested_by != actor.identity.key and (lacking := actor.lacks("jobs.cancel", None)):
        raise Refused(f"Only {job.requested_by} or an administrator cancels this. {lacking}")
    current = Job.objects.select_for_update().get(pk=job.pk)
    if not current.is_open:
        raise Refused(f"This work is {current.get_state_display().lower()} already.")
    current.cancel_requested = True
    if current.state == JobState.QUEUED:
        current.state, current.finished_at = JobState.CANCELLED, timezone.now()
        give_up(current.kind, current.arguments, f"{actor.identity.name} cancelled the work before it began.")
    current.save()
    return current


def sweep(given_up: Callable[[Job], None]) -> None:
    """Give jobs of silent workers back to the queue; those without an attempt left fail, and are given up with that."""
    lost = Job.objects.filter(state=JobState.RUNNING, heartbeat__lt=timezone.now() - SILENT_AFTER)
    sentence = "The worker that had this work fell silent."
    lost.filter(attempts__lt=models.F("most_attempts")).update(
        state=JobState.QUEUED, not_before=timezone.now(), error=sentence
    )
    with transaction.atomic():
        spent = list(lost.select_for_update(skip_locked=True).filter(attempts__gte=models.F("most_attempts")))
        Job.objects.filter(pk__in=[job.pk for job in spent]).update(
            state=JobState.FAILED, finished_at=timezone.now(), error=sentence
        )
        for job in spent:
            given_up(job)


def abandon(subject: models.Model) -> None:
    """Ask every open job on a record to stop; called inside the action that cancelled the record."""
    waiting = Job.objects.filter(subject_type=subject._meta.label_lower, subject_id=str(subject.pk))
    waiting.filter(state=JobState.QUEUED).update(state=JobState.CANCELLED, finished_at=timezone.now())
    waiting.filter(state=JobState.RUNNING).update(cancel_requested=True)
