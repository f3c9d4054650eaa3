"""In the worker: have a place score a data set as a job of its own, once, and take its scores into the record.

Safe to repeat after any interruption: the job is named by the run, and looked for before it is asked for. Loads pyarrow.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from mrm.connectors.errors import AuthFailed, ConnectorError
from mrm.connectors.protocol import ArtifactFile, Batch, BatchResult, Connector, NotYet, Op
from mrm.core.refusal import Refused
from mrm.deployment.models import Deployment
from mrm.deployment.services.golden import TOLERANCE
from mrm.deployment.services.target import contact
from mrm.jobs.alone import alone
from mrm.jobs.kinds import Later, Progress, Waits
from mrm.measures.process import CannotScore
from mrm.measures.scoring import file_digest, score
from mrm.prediction import policies, queries
from mrm.prediction.models import BatchRun
from mrm.prediction.policies import Piece
from mrm.prediction.queries import exchange, scores
from mrm.prediction.queries.exchange import NotTaken
from mrm.prediction.services import batch, sending
from mrm.prediction.services.alerts import LOG

TROUBLE_S, LONGEST_S = 30.0, 60.0  # until it is looked again: after trouble, and at the most
HEAD = 8  # so many rows are scored here too


def wait_for(run: BatchRun) -> None:
    """Come again later while the job of the run has not ended; returns when there is none yet, or its scores lie there."""
    if run.backend_job:
        with _place(run) as place:
            _ended(place, run)


def score_there(
    run: BatchRun, data: Path, artifact: Path, planned: Sequence[Piece], folder: Path, progress: Progress
) -> None:
    """Send every row, ask for the job if there is none, and take what is not on record once it has ended."""
    with _place(run) as place:
        if not run.backend_job:
            run = _sent(place, run, data, planned, folder, progress)
        _ended(place, run)
        part = folder / "part.parquet"
        remaining = planned[run.parts.count() :]
        for piece in scores.cut(data, remaining, run.version.features, part, run.part_rows):
            _take(place, run, artifact, part, piece)
            progress(f"Taking the scores of part {piece.index + 1}", piece.first_row + piece.rows, run.rows)


def release_batch(run_id: str) -> None:
    """Stop what a place still scores of a run that has ended, and take its rows and scores away from there."""
    try:
        with alone(f"batch {run_id}"):
            run = batch.read_batch(run_id)
            if run.by_backend and not run.is_open:
                _release(run)
    except Waits:
        raise
    except Later as busy:  # who scores will see that the run has ended
        raise Waits(str(busy), busy.seconds) from busy


def _release(run: BatchRun) -> None:
    with _place(run) as place:
        found = place.find_batch(_there(run).endpoint, _batch(run))
        if found and not found.done:
            found = place.cancel_batch(found.handle, op=_op(place, run))
        if found and not found.done:
            _wait(run, f"{_there(run).target} stops {found.job}.", found.poll_after)
        place.clear_batch(_batch(run), _names(run), op=_op(place, run))
    sending.note_cleared(run, actor=LOG)


def _names(run: BatchRun) -> Iterator[str]:
    return (exchange.file_name(Piece(index, 0, 0, 0, 0)) for index in range(run.parts_planned))


def _sent(
    place: Connector, run: BatchRun, data: Path, planned: Sequence[Piece], folder: Path, progress: Progress
) -> BatchRun:
    """The run with its job: the one that an attempt before this asked for, or a new one."""
    endpoint, asked = _there(run).endpoint, _batch(run)
    found = place.find_batch(endpoint, asked)
    if found is None:
        for file, path in _files(run, data, planned, folder):
            _check_gate(run)
            progress(f"Sending rows to {_there(run).target}: {file.name}")
            with path.open("rb") as content:
                place.stage_batch(asked, file, content, op=_op(place, run))
        _check_bytes(place, run)
        run = sending.send_batch(run, actor=LOG)
        found = place.submit_batch(endpoint, asked, op=_op(place, run))
    _require_approved(run, found)
    return sending.note_job(run, found=found, actor=LOG)


def _files(run: BatchRun, data: Path, planned: Sequence[Piece], folder: Path) -> Iterator[tuple[ArtifactFile, Path]]:
    part = folder / "part.parquet"
    for piece in scores.cut(data, planned, run.version.features, part, run.part_rows):
        yield _file(run, part, piece)


def _file(run: BatchRun, part: Path, piece: Piece) -> tuple[ArtifactFile, Path]:
    """The rows of a part as they are sent; the same rows are the same bytes."""
    path = part.with_suffix(".csv")
    exchange.write_rows(part, run.version.features, piece, path)
    return ArtifactFile(exchange.file_name(piece), file_digest(path), path.stat().st_size), path


def _ended(place: Connector, run: BatchRun) -> None:
    """Return once the job has ended well; come again later while it runs."""
    found = place.poll_batch(run.backend_handle)
    if not found.done:
        elapsed = (timezone.now() - (run.sent_at or timezone.now())).total_seconds()
        seconds = min(LONGEST_S, max(found.poll_after or 0.0, elapsed / 20))
        _wait(run, f"{_there(run).target} scores it as {found.job}. {found.message}", seconds)
    _require_approved(run, found)


def _take(place: Connector, run: BatchRun, artifact: Path, part: Path, piece: Piece) -> None:
    run = batch.read_batch(str(run.pk))
    _check_gate(run)
    file, _ = _file(run, part, piece)
    answer, target = part.with_suffix(".answer"), part.with_suffix(".scores")
    with answer.open("wb") as stream:
        place.fetch_batch(_batch(run), file, stream)
    exchange.read_answer(answer, part, piece, queries.range_of(run.version), target)
    if piece.index == 0:
        _check_alike(run, artifact, part, target)
    facts = {
        "seconds": None, "cpu_seconds": None, "network": "backend", "revision": run.revision,
        "backend_job": run.backend_job, "sent_sha256": file.digest, "answer_sha256": file_digest(answer),
    }  # fmt: skip
    batch.record_part(run, piece=piece, output=batch.keep(target), spent=facts, actor=LOG)


def _check_alike(run: BatchRun, artifact: Path, part: Path, answered: Path) -> None:
    """The first rows, scored here with the approved bytes, have the scores that came back; of what is run here at all."""
    head, here = part.with_suffix(".head"), part.with_suffix(".here")
    exchange.write_head(part, HEAD, head)
    assert run.version.artifact is not None
    try:
        found = score(
            artifact, run.version.artifact.kind, run.artifact_sha256, head, here, run.version.features,
            timeout_s=settings.BATCH["seconds"], memory_mb=settings.BATCH["memory_mb"],
        )  # fmt: skip
    except CannotScore:
        return
    largest = exchange.largest_difference(here, answered, found.rows)
    if largest > TOLERANCE:
        raise NotTaken(
            f"{_there(run).target} answers otherwise than the approved bytes do: the first {found.rows} rows, scored here"
            f" as well, differ by up to {largest:.6f}."
        )


def _check_gate(run: BatchRun) -> None:
    if refusal := queries.why_not_go_on(run):
        raise batch.Closed(refusal)


def _check_bytes(place: Connector, run: BatchRun) -> None:
    """What the place shows of its champion just before it is asked; the digest as far as it shows one."""
    seen = place.observe(_there(run).endpoint).variants
    champion = next((each for each in seen if each.managed and each.role in {"champion", ""}), None)
    if champion is None or champion.version != run.version.label:
        shown = champion.version if champion else "nothing of ours"
        raise NotTaken(f"{_there(run)} shows {shown} where version {run.version.label} should serve.")
    if refusal := policies.other_bytes(_there(run).target.name, champion.digest, run.artifact_sha256):
        raise NotTaken(refusal)


def _require_approved(run: BatchRun, found: BatchResult) -> None:
    if refusal := policies.other_bytes(_there(run).target.name, found.digest, run.artifact_sha256):
        raise NotTaken(refusal)


@contextmanager
def _place(run: BatchRun) -> Iterator[Connector]:
    """The place of a run; trouble that may pass puts the work off, everything else ends it."""
    answered: Exception | None = None
    try:
        with contact(_there(run).target) as place:
            try:
                try:
                    yield place
                except NotYet as busy:
                    _wait(run, f"{_there(run).target} is not ready yet: {busy}", TROUBLE_S, busy)
            except (Waits, Refused) as said:  # the place answered, which ends its failures in a row
                answered = said
    except AuthFailed as error:
        _wait(run, f"{_there(run).target} did not let us in: {error}", TROUBLE_S, error)
    except ConnectorError as error:
        if error.permanent:
            raise NotTaken(f"{_there(run).target} did not do it. {error}") from error
        _wait(run, f"{_there(run).target} cannot be asked now: {error}", TROUBLE_S, error)
    if answered:
        raise answered


def _wait(run: BatchRun, sentence: str, seconds: float | None, cause: Exception | None = None) -> None:
    """Come again later, within the time that a run, or the clearing up after it, may take."""
    begun = run.finished_at or run.started_at or timezone.now()
    hours = settings.BATCH["backend_hours"]
    if timezone.now() - begun > dt.timedelta(hours=hours):
        raise NotTaken(f"{sentence} That was not over within {hours:g} hours.") from cause
    raise Waits(sentence, seconds or TROUBLE_S) from cause


def _there(run: BatchRun) -> Deployment:
    assert run.revision is not None
    return run.revision.deployment


def _batch(run: BatchRun) -> Batch:
    kind = run.version.artifact.kind if run.version.artifact else ""
    return Batch(str(run.pk), run.version.label, run.artifact_sha256, kind, tuple(run.version.features))


def _op(place: Connector, run: BatchRun) -> Op:
    deadline = timezone.now() + dt.timedelta(minutes=place.most_minutes)
    return Op(str(run.pk), str(run.pk), deadline=deadline)
