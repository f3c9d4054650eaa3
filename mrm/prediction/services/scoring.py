"""In the worker: score a data set part by part in the confined process, or have its place do it. Loads pyarrow, so no web process imports it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings

from mrm.core import blobs
from mrm.core.blobs import Blob
from mrm.core.refusal import Refused
from mrm.jobs.alone import alone
from mrm.jobs.kinds import Cancelled, Progress
from mrm.jobs.queries import latest_for
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import score
from mrm.prediction import policies, queries
from mrm.prediction.models import BatchRun
from mrm.prediction.policies import Piece
from mrm.prediction.queries import scores
from mrm.prediction.queries.exchange import NotTaken
from mrm.prediction.services import backend, batch
from mrm.prediction.services.alerts import LOG
from mrm.prediction.workflow import BatchState


def score_batch(run_id: str, progress: Progress) -> None:
    """Score what is not on record yet, then write the output; a run that has ended is left as it is."""
    with alone(f"batch {run_id}"), TemporaryDirectory(prefix="mrm-batch-") as folder:
        run = batch.read_batch(run_id)
        if not run.is_open:
            return
        try:
            _carry_out(run, Path(folder), progress)
        except Cancelled:
            _cancelled(run_id)
            raise
        except (EvaluationFailed, Refused) as fault:
            batch.fail_batch(run, error=str(fault), remedy=_remedy(fault), actor=LOG)
            raise Refused(str(fault)) from fault


def _remedy(fault: Exception) -> str:
    if isinstance(fault, batch.Closed):
        return batch.NOT_APPROVED
    if isinstance(fault, NotTaken):
        return batch.AT_THE_PLACE
    return batch.NOT_THESE_BYTES if isinstance(fault, Refused) else batch.NOT_SCORED


def _cancelled(run_id: str) -> None:
    """Where somebody cancelled the work, the run is as well; work that was taken away goes on with another worker."""
    run = batch.read_batch(run_id)
    job = latest_for(run)
    if run.is_open and job is not None and job.cancel_requested:
        batch.cancel_batch(run, actor=LOG)


def _carry_out(run: BatchRun, folder: Path, progress: Progress) -> None:
    _check_gate(run)
    if run.by_backend:
        backend.wait_for(run)
    progress("Checking data and model against their digests")
    data = blobs.fetch(run.dataset_sha256, folder)
    artifact = blobs.fetch(run.artifact_sha256, folder)
    groups = scores.groups_of(data)
    if refusal := policies.too_many_parts(groups, run.part_rows):
        raise EvaluationFailed(refusal)
    if sum(groups) != run.rows:
        raise EvaluationFailed(f"The data hold {sum(groups):,} rows; {run.rows:,} are on record.")
    planned = list(policies.pieces(groups, run.part_rows))
    if run.status == BatchState.QUEUED:
        run = batch.begin_batch(run, parts=len(planned), actor=LOG)
    if run.by_backend:
        backend.score_there(run, data, artifact, planned, folder, progress)
    else:
        _score_here(run, data, artifact, planned, folder, progress)
    progress("Writing the output", run.rows, run.rows)
    batch.complete_batch(run, output=_output(run, folder), actor=LOG)


def _score_here(
    run: BatchRun, data: Path, artifact: Path, planned: Sequence[Piece], folder: Path, progress: Progress
) -> None:
    # parts are put on record in order, so those that are not there are the last
    remaining, part = planned[run.parts.count() :], folder / "part.parquet"
    for piece in scores.cut(data, remaining, run.version.features, part, run.part_rows):
        _score(run, artifact, part, piece, progress)


def _check_gate(run: BatchRun) -> None:
    if refusal := queries.why_not_go_on(run):
        raise batch.Closed(refusal)


def _score(run: BatchRun, artifact: Path, part: Path, piece: Piece, progress: Progress) -> None:
    run = batch.read_batch(str(run.pk))
    _check_gate(run)
    stage, target = f"Part {piece.index + 1} of {run.parts_planned}", part.with_suffix(".scores")
    assert run.version.artifact is not None
    found = score(
        artifact, run.version.artifact.kind, run.artifact_sha256, part, target, run.version.features,
        timeout_s=settings.BATCH["seconds"], memory_mb=settings.BATCH["memory_mb"],
        progress=_within(stage, piece, run.rows, progress),
    )  # fmt: skip
    spent = {"seconds": found.seconds, "cpu_seconds": found.cpu_s, "network": found.network}
    batch.record_part(run, piece=piece, output=batch.keep(target), spent=spent, actor=LOG)
    progress(stage, piece.first_row + piece.rows, run.rows)


def _within(stage: str, piece: Piece, rows: int, progress: Progress) -> Callable[[int, int], None]:
    """Rows of the whole run, counted from those of a part."""
    return lambda done, _total: progress(stage, piece.first_row + done, rows)


def _output(run: BatchRun, folder: Path) -> Blob:
    target = folder / "output.parquet"
    written = scores.write_output(run, queries.parts_of(run), target)
    if written != run.rows:
        raise EvaluationFailed(f"The parts on record hold {written:,} rows of {run.rows:,}.")
    return batch.keep(target)
