"""Score a data set: ask for it, record each part with what scored it, end it, hand the scores out."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from mrm.access.models import Account
from mrm.approval import queries as approval
from mrm.approval.models import Approval
from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor, permit
from mrm.core.blobs import Blob
from mrm.core.refusal import Invalid, Refused
from mrm.deployment.models import Environment
from mrm.inventory.models import Dataset, Version
from mrm.inventory.queries import datasets_visible_to
from mrm.jobs import services as jobs
from mrm.jobs.kinds import Cancelled
from mrm.prediction import policies, queries
from mrm.prediction.models import BatchPart, BatchRun
from mrm.prediction.policies import Piece
from mrm.prediction.services.alerts import LOG
from mrm.prediction.workflow import BATCH, BatchState

ATTEMPTS = 20  # a worker that dies costs one part; a run that kills every worker ends
NOT_APPROVED = (
    "The parts that were scored stay on record. Have the version approved again, then start another run on these data."
)
NOT_THESE_BYTES = "Nothing was scored with other bytes. Restore the stored file from a copy of the same digest, then start another run."
NOT_SCORED = "Correct what the sentence names, in the data or in a new version, then start another run."
AT_THE_PLACE = (
    "Nothing of what it names came into the record. Look at the job at the place, correct what the sentence names, then start"
    " another run."
)
NO_WORKER = "See that workers run and have memory and disk, then start another run."


class Closed(Refused):
    """The gate did not hold before a part: nothing more is scored."""


@audited("prediction.start_batch", "asked for {data} to be scored by {version} for {use}")
def start_batch(version: Version, *, dataset: Dataset, environment: Environment, use: str, actor: Account) -> BatchRun:
    """Have every row of a data set scored for one of the uses that the model is approved for, by a place or a worker."""
    permit(actor, queries.START_BATCH, version)
    way = queries.route(version, dataset, environment)
    describe(data=dataset.name, version=str(version), use=use, environment=environment.name, way=way.because)
    sha256 = version.artifact_id or ""
    if refusal := queries.why_not_scored_with(version, sha256, actor):
        raise Refused(refusal)
    _check_choices(version, dataset, environment, use, actor)
    granted = approval.valid_approval(version)
    assert granted is not None
    run = BatchRun.objects.create(
        version=version, approval=granted, artifact_sha256=sha256, dataset=dataset, dataset_sha256=dataset.sha256,
        rows=dataset.rows, environment=environment, use=use, part_rows=settings.BATCH["part_rows"], requested_by=actor,
        way=way.way, way_because=way.because, revision=way.revision,
    )  # fmt: skip
    run.refresh_from_db(fields=["number"])
    jobs.request(queries.SCORE, label=str(run), subject=run, actor=actor, most_attempts=ATTEMPTS, run=str(run.pk))
    return run


def _check_choices(version: Version, dataset: Dataset, environment: Environment, use: str, actor: Account) -> None:
    if refusal := policies.not_an_approved_use(use, version.model.approved_uses):
        raise Invalid(refusal, fields={"use": [refusal]})
    if not datasets_visible_to(actor).filter(pk=dataset.pk).exists():
        raise Invalid("These data are not open to you.", fields={"dataset": ["Choose data of your units."]})
    if refusal := queries.why_not_on_these_data(version, dataset):
        raise Invalid(refusal, fields={"dataset": [refusal]})
    if refusal := queries.why_not_there(version, environment, actor, begins=True):
        raise Invalid(refusal, fields={"environment": [refusal]})


@audited("prediction.begin_batch", "began to score {subject} in {parts} parts")
def begin_batch(run: BatchRun, *, parts: int, actor: Actor) -> BatchRun:
    """Say in how many parts the data are scored; the same file always has the same ones."""
    run = locked(run)
    BATCH.move(run, "begin_batch", actor)
    run.parts_planned, run.started_at = parts, timezone.now()
    run.save(update_fields=["status", "parts_planned", "started_at"])
    describe(parts=parts)
    return run


@audited("prediction.score_part", "scored {subject}: {rows} rows by version {version}, artifact {digest}")
def record_part(run: BatchRun, *, piece: Piece, output: Blob, spent: dict[str, Any], actor: Actor) -> BatchPart:
    """Put a part on record with what scored it, if that is approved still; a part that is on record stays as it is."""
    run = locked(run)
    if run.status != BatchState.RUNNING:
        raise Cancelled
    # held until the part is written, so that no withdrawal comes between
    Approval.objects.select_for_update(of=("self",), no_key=True).get(pk=run.approval_id)
    if refusal := queries.why_not_go_on(run):
        raise Closed(refusal)
    part = BatchPart.objects.create(
        run=run, index=piece.index, row_group=piece.row_group, first_row=piece.first_row, rows=piece.rows,
        output_sha256=output.sha256, output_size=output.size, version=run.version, artifact_sha256=run.artifact_sha256,
        approval=run.approval, policy=run.approval.request.policy, **spent,
    )  # fmt: skip
    digest = f"{run.artifact_sha256[:12]}…"
    describe(rows=piece.rows, version=run.version.label, digest=digest, sha256=output.sha256)
    return part


@audited("prediction.complete_batch", "scored {subject}: {rows} rows, digest {digest}")
def complete_batch(run: BatchRun, *, output: Blob, actor: Actor) -> BatchRun:
    """Put the whole output on record; from here on it never changes."""
    run = locked(run)
    if run.status == BatchState.CANCELLED:
        raise Cancelled
    BATCH.move(run, "complete_batch", actor)
    run.output_sha256, run.output_size, run.finished_at = output.sha256, output.size, timezone.now()
    run.save(update_fields=["status", "output_sha256", "output_size", "finished_at"])
    _release_later(run)
    describe(rows=run.rows, digest=f"{output.sha256[:12]}…", sha256=output.sha256)
    return run


@audited("prediction.fail_batch", "could not score {subject}: {error}")
def fail_batch(run: BatchRun, *, error: str, remedy: str, actor: Actor) -> BatchRun:
    """End a run with the reason and what to do; the parts that were scored stay on record."""
    run = locked(run)
    BATCH.move(run, "fail_batch", actor)
    run.error, run.remedy, run.finished_at = error, remedy, timezone.now()
    run.save(update_fields=["status", "error", "remedy", "finished_at"])
    _release_later(run)
    describe(error=error)
    return run


@audited("prediction.cancel_batch", "cancelled {subject}")
def cancel_batch(run: BatchRun, *, actor: Actor) -> BatchRun:
    """Score no further part; those that were scored stay on record, and there is no output."""
    permit(actor, "prediction.cancel_batch", run)
    run = locked(run)
    BATCH.move(run, "cancel_batch", actor)
    run.finished_at = timezone.now()
    run.save(update_fields=["status", "finished_at"])
    jobs.abandon(run)
    _release_later(run)
    return run


@audited("prediction.download_batch", "downloaded the scores of {subject}")
def download_batch(run: BatchRun, *, actor: Account) -> BatchRun:
    """Hand the scores out; who took them is on record."""
    permit(actor, queries.DOWNLOAD_BATCH, run)
    if run.status != BatchState.DONE:
        raise Refused(f"{run.ref} is {run.get_status_display().lower()}; there is no output to download.")
    describe(sha256=run.output_sha256)
    return run


def give_up_batch(run_id: str, sentence: str) -> None:
    """Record that a run did not end well, unless it ended meanwhile."""
    run = read_batch(run_id)
    if run.is_open:
        fail_batch(run, error=sentence, remedy=NO_WORKER, actor=LOG)


def read_batch(run_id: str) -> BatchRun:
    """The run as it stands, its asker with the roles of this moment."""
    return _rows().get(pk=run_id)


def keep(path: Path) -> Blob:
    """A file of a run in the storage."""
    with path.open("rb") as source:
        return blobs.put(iter(lambda: source.read(blobs.CHUNK), b""), largest=sys.maxsize)


def _release_later(run: BatchRun) -> None:
    """A place that was sent rows is asked to end what it does with them, and rid of them, however the run ended."""
    if run.by_backend and run.started_at:
        jobs.request(
            queries.RELEASE, label=f"Clear up after {run.ref}", subject=run, actor=LOG, most_attempts=ATTEMPTS,
            run=str(run.pk),
        )  # fmt: skip


def _rows() -> QuerySet[BatchRun]:
    return BatchRun.objects.select_related(
        "version__model__unit", "version__artifact", "approval__request__policy", "dataset", "environment",
        "requested_by__person__unit", "revision__deployment__target", "revision__deployment__model",
    )  # fmt: skip


def locked(run: BatchRun) -> BatchRun:
    """The run as it stands, held until the transaction ends."""
    return _rows().select_for_update(of=("self",)).get(pk=run.pk)
