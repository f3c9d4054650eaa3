"""Carry out one waiting job: take it, call its kind, keep its heart beating, end it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import OperationalError, close_old_connections, connection, transaction

from mrm.core.outage import outage
from mrm.core.refusal import Refused
from mrm.jobs import services
from mrm.jobs.kinds import KINDS, Cancelled, Later, Waits, give_up
from mrm.jobs.models import Job

log = structlog.get_logger(__name__)
BEAT_EVERY = 5.0


def run_next() -> bool:
    """Do one waiting job; False when none waits."""
    job = services.take()
    if job is None:
        return False
    with structlog.contextvars.bound_contextvars(request_id=f"job-{job.pk}"):
        _carry_out(job)
    return True


def _carry_out(job: Job) -> None:
    def progress(stage: str, done: int = 0, total: int = 0) -> None:
        if not services.report(job, stage, done, total):
            raise Cancelled

    try:
        with _heart(job):
            KINDS[job.kind].work(job.arguments, progress)
        services.finish(job)
    except Cancelled:
        with transaction.atomic():
            if services.stop(job):
                give_up(job.kind, job.arguments, "The work was cancelled.")
    except Waits as waits:
        services.wait(job, str(waits), waits.seconds)
    except Later as later:
        _put_off(job, str(later), later.seconds)
    except Refused as refusal:
        services.fail(job, str(refusal))
    except Exception as error:
        log.exception("job failed", kind=job.kind, job=str(job.pk))
        close_old_connections()
        found = outage(error)
        sentence = found.sentence if found else f"An unexpected fault stopped the work: {type(error).__name__}."
        _put_off(job, sentence, 2.0**job.attempts)


def sweep() -> None:
    """Take back what silent workers left, and record what is given up."""
    services.sweep(
        lambda job: give_up(
            job.kind, job.arguments, "The worker that had this work fell silent, more often than it is tried again."
        )
    )


def _put_off(job: Job, sentence: str, seconds: float) -> None:
    """The last attempt ends with what follows from it, or not at all: a kill between the two loses neither."""
    with transaction.atomic():
        if services.fail(job, sentence, retry_in=seconds):
            give_up(job.kind, job.arguments, f"{sentence} It was tried {job.attempts} times.")


def _beat(job: Job) -> None:
    """A silent database stops one beat, not the heart: the work may live on when the database is back."""
    try:
        services.beat(job)
    except OperationalError:
        connection.close()


@contextmanager
def _heart(job: Job) -> Iterator[None]:
    """Beat from a thread of its own: native code may hold the main one for minutes."""
    stopped = threading.Event()

    def beat() -> None:
        try:
            while not stopped.wait(BEAT_EVERY):
                _beat(job)
        finally:
            connection.close()

    heart = threading.Thread(target=beat, daemon=True)
    heart.start()
    try:
        yield
    finally:
        stopped.set()
        heart.join()
