"""A place with a batch interface scores a data set as a job of its own: asked for once, taken only as approved."""

import datetime as dt
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.approval import services as approval
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.deployment import services as deployment
from mrm.deployment.models import Breaker, Deployment
from mrm.inventory.models import Dataset, Version
from mrm.jobs import runner
from mrm.jobs.models import Job, JobState
from mrm.prediction import policies, queries, services
from mrm.prediction.models import BatchPart, BatchRun
from mrm.prediction.queries import exchange
from tests.conftest import ROOT, _cluster
from tests.connectors.sagemaker_fake import FakeSagemaker
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_model, an_approved, onnx
from tests.factories.backend import KEYS, a_backend, brought, resettled, served_there
from tests.factories.batch import applicants, asked, table_of
from tests.prediction.test_batch import told_by_the_model

ROWS = 60


@pytest.fixture(autouse=True)
def ready(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BATCH = {**settings.BATCH, "part_rows": 30}
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def backend() -> Iterator[FakeSagemaker]:
    with a_backend() as served:
        yield served


@pytest.fixture
def version(cast: Cast, tmp_path: Path) -> Version:
    return an_approved(cast, a_model(cast), tmp_path)


@pytest.fixture
def data(cast: Cast, tmp_path: Path) -> Dataset:
    return applicants(cast, tmp_path)


@pytest.fixture
def run(cast: Cast, version: Version, data: Dataset, backend: FakeSagemaker) -> BatchRun:
    """A run that waits for a worker, which is to send it to SageMaker."""
    served_there(cast, version, backend.url)
    Job.objects.all().delete()
    return asked(cast, version, data)


def passes(count: int) -> None:
    """So many times a worker takes what waits, whenever its turn is."""
    for _ in range(count):
        Job.objects.filter(state=JobState.QUEUED).update(not_before=timezone.now())
        if not runner.run_next():
            return


def made(backend: FakeSagemaker) -> list[str]:
    return [operation for operation in backend.operations if operation == "CreateTransformJob"]


def lying_there(backend: FakeSagemaker) -> list[str]:
    return [key for key in backend.objects if "/batches/" in key]


def test_a_place_scores_every_row_once_and_its_job_stands_with_each_part(
    cast: Cast, run: BatchRun, data: Dataset, backend: FakeSagemaker
) -> None:
    assert (run.way, run.way_because) == (
        "backend",
        "credit at SageMaker Frankfurt serves version 1.0.0 with the approved bytes, and its backend takes whole data sets.",
    )
    backend.steps = 3
    passes(1)
    run.refresh_from_db()
    (job,) = backend.jobs
    waiting = Job.objects.get(kind="prediction.score")
    assert (run.status, run.backend_job, waiting.state, run.parts.count()) == ("running", job, "queued", 0)
    assert waiting.stage == f"SageMaker Frankfurt scores it as {job}. SageMaker says InProgress."
    assert waiting.not_before > timezone.now() + dt.timedelta(seconds=5)
    assert len(lying_there(backend)) == 3
    _told_while_it_waits(cast, run)
    sent = backend.objects[f"/models/mrm/batches/{run.pk}/rows/part-00001.csv"]
    assert [line.split(b",")[0] for line in sent.splitlines()] == [b"%d" % row for row in range(30, 40)]
    passes(3)
    done = BatchRun.objects.get(pk=run.pk)
    parts = list(queries.parts_of(done))
    assert (done.status, done.error, [part.rows for part in parts]) == ("done", "", [30, 10, 20])
    granted = done.version.approvals.get()
    for part in parts:
        assert (part.version_id, part.artifact_sha256, part.approval_id, part.revision_id, part.backend_job) == (
            done.version_id, done.version.artifact_id, granted.pk, run.revision_id, job,
        )  # fmt: skip
        assert (part.seconds, part.network) == (None, "backend")
        assert len({part.sent_sha256, part.answer_sha256, part.output_sha256}) == 3
    output = table_of(blobs.read(done.output_sha256))
    assert output["row_id"].to_pylist() == [f"A{row:03d}" for row in range(ROWS)]
    assert output["score"].to_numpy() == pytest.approx(told_by_the_model(data), abs=1e-6)
    (found,) = queries.row_decisions(done, "A041", fresh(cast.deployer))
    assert (found.row, found.part.backend_job, found.score) == (41, job, output["score"][41].as_py())
    assert lying_there(backend) == []
    assert len(made(backend)) == 1
    _told_when_done(cast, done)
    verbs = list(
        Event.objects.filter(verb__startswith="prediction.").order_by("position").values_list("verb", flat=True)
    )
    assert verbs == [
        f"prediction.{verb}"
        for verb in ("start_batch", "begin_batch", "send_batch", "note_job", *["score_part"] * 3, "complete_batch", "clear_batch")
    ]  # fmt: skip


def _browser(cast: Cast) -> Client:
    browser = Client()
    browser.force_login(fresh(cast.deployer), backend="mrm.project.signin.AccountBackend")
    return browser


def _told_while_it_waits(cast: Cast, run: BatchRun) -> None:
    browser = _browser(cast)
    page = browser.get(run.get_absolute_url()).content.decode()
    assert [
        word for word in ("Under way at the place", run.backend_job, run.way_because, "Cancel") if word not in page
    ] == []
    start = browser.get(f"/predictions/batches/start/{run.version_id}/").content.decode()
    assert run.way_because in start
    assert "No place in Test at which this model is served takes whole data sets" in start
    there = browser.get(run.version.get_absolute_url()).content.decode()
    assert f'href="/predictions/batches/start/{run.version_id}/"' in there
    browser.force_login(fresh(cast.owner), backend="mrm.project.signin.AccountBackend")
    closed = browser.get(run.version.get_absolute_url()).content.decode()
    assert f'href="/predictions/batches/start/{run.version_id}/"' not in closed
    assert "This is done by a deployer" in closed


def _told_when_done(cast: Cast, run: BatchRun) -> None:
    api = APIClient()
    api.force_authenticate(fresh(cast.deployer))
    told = api.get(f"/api/v1/batch-runs/{run.pk}/").json()
    assert (told["way"], told["place"], told["backend_job"]) == ("backend", "SageMaker Frankfurt", run.backend_job)
    assert (told["rows_done"], told["progress"]["state"], told["ends_at"]) == (ROWS, "done", None)
    (row,) = api.get(f"/api/v1/batch-runs/{run.pk}/rows/A041/").json()
    part = row["scored_by"]
    assert (part["place"], part["revision_number"], part["seconds"]) == ("SageMaker Frankfurt", 1, None)
    page = _browser(cast).get(run.get_absolute_url(), {"row": "A041"}).content.decode()
    assert page.count("SageMaker Frankfurt") >= 6
    out = io.StringIO()
    call_command("predictions", "row", "A041", "--run", run.ref, "--as", cast.deployer.username, stdout=out)
    assert f"scored by SageMaker Frankfurt as {run.backend_job}, revision 1" in out.getvalue()


def _first_without_a_score(answer: bytes) -> bytes:
    return answer.replace(b"0," + answer.split(b"\n")[0].partition(b",")[2], b"0,", 1)


def _one_less(answer: bytes) -> bytes:
    return answer[: answer.rstrip(b"\n").rindex(b"\n") + 1]


def _turned(answer: bytes) -> bytes:
    return b"\n".join(reversed(answer.splitlines())) + b"\n"


def _two_more(answer: bytes) -> bytes:
    return b"".join(
        b"%s,%r\n" % (row, float(score) + 2) for row, score in (each.split(b",") for each in answer.split())
    )


def _half(answer: bytes) -> bytes:
    return b"".join(
        b"%s,%r\n" % (row, float(score) / 2) for row, score in (each.split(b",") for each in answer.split())
    )


SPOILT: list[tuple[Callable[[bytes], bytes], str]] = [
    (_first_without_a_score, r"Row 0 \(id A000\) has no score\."),
    (_one_less, r"Row 29 \(id A029\) has no score: the place answered 29 of the 30 rows of part-00000\.csv\."),
    (_turned, r"Where row 0 \(id a000\) was sent, the place answered for “29”\."),
    (_two_more, r"Row 0 \(id A000\) has the score 2\.\d+, outside 0 to 1\."),
    (_half, r"answers otherwise than the approved bytes do: the first 8 rows, scored here as well, differ"),
]


def test_what_is_no_answer_to_the_rows_sent_ends_the_run(cast: Cast, run: BatchRun, backend: FakeSagemaker) -> None:
    for backend.spoil, sentence in SPOILT:
        passes(4)
        run.refresh_from_db()
        assert (run.status, run.parts.count(), lying_there(backend)) == ("failed", 0, [])
        assert re.search(sentence, run.error), run.error
        assert run.remedy.startswith("Nothing of what it names came into the record.")
        run = asked(cast, run.version, run.dataset)
    backend.spoil = bytes
    _changed_at_the_place(cast, run, backend)


def _changed_at_the_place(cast: Cast, run: BatchRun, backend: FakeSagemaker) -> None:
    backend.steps = 3
    passes(1)
    backend.objects[f"/models/mrm/batches/{run.pk}/rows/part-00002.csv"] = b"40,0,0\n"
    passes(3)
    run.refresh_from_db()
    assert (run.status, run.parts.count()) == ("failed", 2)
    assert "The bucket shows other rows in part-00002.csv than those that were sent." in run.error
    (row,) = queries.row_decisions(run, "A001", fresh(cast.deployer))
    assert row.part.backend_job == run.backend_job

    again = asked(cast, run.version, run.dataset)
    passes(1)
    (bytes_there,) = [key for key in backend.objects if key.endswith(".onnx")]
    backend.objects[bytes_there] = onnx(2)
    passes(3)
    again.refresh_from_db()
    assert (again.status, again.parts.count(), lying_there(backend)) == ("failed", 0, [])
    assert "are not those of the digest" in again.error


def test_a_run_that_is_cancelled_or_loses_its_approval_stops_its_job_and_nothing_of_it_is_taken(
    cast: Cast, run: BatchRun, backend: FakeSagemaker
) -> None:
    backend.steps = 30
    passes(1)
    (job,) = backend.jobs.values()
    services.cancel_batch(run, actor=fresh(cast.deployer))
    assert Job.objects.get(kind="prediction.score").state == JobState.CANCELLED
    passes(1)
    assert (job["status"], len(lying_there(backend))) == ("Stopping", 3)
    assert "stops mrm-" in Job.objects.get(kind="prediction.release").stage
    job["left"] = 0
    passes(2)
    run.refresh_from_db()
    assert (job["status"], run.status, run.parts.count(), lying_there(backend)) == ("Stopped", "cancelled", 0, [])
    assert Event.objects.filter(verb="prediction.clear_batch", outcome="done").count() == 1
    _withdrawn(cast, asked(cast, run.version, run.dataset), backend)


def _withdrawn(cast: Cast, run: BatchRun, backend: FakeSagemaker) -> None:
    backend.steps = 30
    passes(1)
    _, job = backend.jobs.values()
    assert job["status"] == "InProgress"
    approval.withdraw(run.version.approvals.get(), reason="Scores drift.", actor=fresh(cast.officer))
    job["left"] = 0  # it would be done by now
    passes(2)
    run.refresh_from_db()
    assert (run.status, run.parts.count(), run.output_sha256) == ("failed", 0, "")
    assert "has no valid approval" in run.error
    assert "stay on record" in run.remedy
    passes(3)
    assert (job["status"], lying_there(backend)) == ("Completed", [])


def test_the_settings_of_a_place_stay_while_it_scores_a_data_set(cast: Cast, run: BatchRun) -> None:
    place = Deployment.objects.get().target
    facts = {"name": "Sage", "config": place.config, "revision": 1, "reason": "Another name."}
    with pytest.raises(Refused, match=rf"under way there: {run.ref}, .* scored by .* there\. Wait"):
        deployment.change_target(place, **facts, actor=cast.administrator)
    services.cancel_batch(run, actor=fresh(cast.deployer))
    Job.objects.all().delete()
    assert deployment.change_target(place, **facts, actor=cast.administrator).name == "Sage"


def test_it_is_sent_only_where_the_version_is_in_force_still_and_waits_when_nobody_answers(
    cast: Cast, run: BatchRun, backend: FakeSagemaker, tmp_path: Path, settings: Any
) -> None:
    second = an_approved(cast, run.version.model, tmp_path, "1.1.0", seed=3)
    opened = Deployment.objects.get()
    opened.target.config |= {"base_url": "http://127.0.0.1:9"}
    resettled(opened.target)
    passes(1)
    waiting = Job.objects.get(kind="prediction.score")
    assert (waiting.state, waiting.attempts, waiting.most_attempts) == ("queued", 1, 21)
    assert waiting.stage.startswith("SageMaker Frankfurt cannot be asked now: SageMaker cannot be reached")
    opened.target.config |= {"base_url": backend.url}
    resettled(opened.target)
    assert Breaker.objects.get().failures == 1
    brought(cast, opened, second)
    Job.objects.exclude(kind="prediction.score").delete()
    passes(1)
    run.refresh_from_db()
    assert (run.status, run.sent_at, made(backend)) == ("failed", None, [])
    assert run.error == "Credit decision at SageMaker Frankfurt shows 1.1.0 where version 1.0.0 should serve."
    worker = asked(cast, run.version, run.dataset)
    assert (worker.way, worker.revision) == ("worker", None)
    assert worker.way_because == "credit at SageMaker Frankfurt serves version 1.1.0. So a worker scores the data."
    late = asked(cast, second, run.dataset)
    settings.BATCH = {**settings.BATCH, "backend_hours": 0.0}
    Job.objects.exclude(arguments__run=str(late.pk)).delete()
    backend.steps = 30
    passes(1)
    late.refresh_from_db()
    assert late.status == "failed"
    assert Breaker.objects.get().failures == 0
    assert late.error.endswith("SageMaker says InProgress. That was not over within 0 hours.")


def test_the_database_holds_what_a_place_may_add(cast: Cast, run: BatchRun, backend: FakeSagemaker) -> None:
    backend.steps = 3

    def refused(statement: str, *given: Any) -> str:
        with (
            pytest.raises(DatabaseError) as caught,
            transaction.atomic(),
            recorded("prediction.score_part", actor=SETUP),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, given)
        return str(caught.value)

    def changed(fields: str) -> str:
        return refused(f"UPDATE prediction_batchrun SET {fields} WHERE id = %s", run.pk)

    assert "in force there" in changed("sent_at = now()")
    assert "asked for" in changed("way = 'worker'")
    assert "asked for" in changed("revision_id = NULL")
    assert "batch_job_was_sent" in changed("backend_job = 'theirs', backend_handle = 'x'")
    passes(1)
    assert "what was sent" in changed("sent_at = now()")
    assert "what was sent" in changed("backend_job = 'theirs'")
    columns = (
        "run_id, index, row_group, first_row, rows, output_sha256, output_size, version_id, artifact_sha256, approval_id,"
        " policy_id, network, revision_id, backend_job, sent_sha256, answer_sha256, seconds, cpu_seconds"
    )
    part = (
        f"INSERT INTO prediction_batchpart ({columns}) SELECT r.id, 0, 0, 0, 30, repeat('b', 64), 1, r.version_id,"
        " r.artifact_sha256, r.approval_id, q.policy_id, 'backend', {} FROM prediction_batchrun r JOIN approval_approval a"
        " ON a.id = r.approval_id JOIN signoff_request q ON q.id = a.request_id WHERE r.id = %s"
    )
    digests = "repeat('c', 64), repeat('d', 64)"
    assert "whoever its run was given to" in refused(part.format("NULL, '', '', '', 1, 1"), run.pk)
    assert "whoever its run" in refused(part.format(f"r.revision_id, 'theirs', {digests}, NULL, NULL"), run.pk)
    assert "batch_part_is_whole" in refused(part.format(f"r.revision_id, r.backend_job, {digests}, 1, 1"), run.pk)
    assert "batch_part_is_whole" in refused(part.format("r.revision_id, r.backend_job, '', '', NULL, NULL"), run.pk)
    approval.withdraw(run.version.approvals.get(), reason="Scores drift.", actor=fresh(cast.officer))
    right = part.format(f"r.revision_id, r.backend_job, {digests}, NULL, NULL")
    assert "while they are approved" in refused(right, run.pk)
    assert BatchPart.objects.count() == 0


class Killing(FakeSagemaker):
    """Kills who asks for the first job, once it is made and before he hears of it."""

    worker: subprocess.Popen[bytes] | None = None

    def create_transform_job(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = super().create_transform_job(body)
        if self.worker is not None:
            self.worker.send_signal(signal.SIGKILL)
            self.worker.wait(10)
        return answer


def test_a_worker_killed_before_it_hears_of_its_job_is_followed_by_one_that_finds_it(
    own_database: str, tmp_path: Path, storage: Path
) -> None:
    cast = Cast()
    version, data = an_approved(cast, a_model(cast), tmp_path), applicants(cast, tmp_path)
    with a_backend(Killing) as backend:
        assert isinstance(backend, Killing)
        served_there(cast, version, backend.url)
        Job.objects.all().delete()
        run = asked(cast, version, data)
        environment = os.environ | {
            "DATABASE_URL": _cluster().url("mrm_app", own_database), "MRM_DATA_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "mrm.project.settings", "MRM_STORAGE_URL": f"file://{storage}/blobs",
            "MRM_BATCH_PART_ROWS": "30",
        }  # fmt: skip
        code = "import sys; sys.stdin.read(1); import django; django.setup(); from mrm.jobs.runner import run_next; run_next()"
        with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdin=subprocess.PIPE) as worker:
            backend.worker = worker
            worker.communicate(b".", timeout=60)
        assert worker.returncode == -signal.SIGKILL
        backend.worker = None
        run.refresh_from_db()
        assert (run.status, run.sent_at is not None, run.backend_job, len(backend.jobs)) == ("running", True, "", 1)
        Job.objects.update(heartbeat=timezone.now() - dt.timedelta(minutes=5))
        runner.sweep()
        passes(6)
        run.refresh_from_db()
        assert (run.status, run.error, run.parts.count(), [run.backend_job]) == ("done", "", 3, list(backend.jobs))
        assert len(made(backend)) == 1
        output = table_of(blobs.read(run.output_sha256))
        assert output["score"].to_numpy() == pytest.approx(told_by_the_model(data), abs=1e-6)
        assert lying_there(backend) == []


def test_which_way_follows_from_what_is_in_force_and_from_the_data() -> None:
    there = policies.Serves("credit", "SageMaker", "1.0.0", "a", True)
    assert policies.not_scored_there(there, "1.0.0", "a") is None
    assert policies.not_scored_there(there, "1.0.0", "b") == "credit at SageMaker serves version 1.0.0."
    empty = policies.Serves("credit", "SageMaker", "", "", True)
    assert policies.not_scored_there(empty, "1.0.0", "a") == "Nothing is in force at credit at SageMaker."
    drifted = policies.Serves("credit", "SageMaker", "1.0.0", "a", False)
    assert "was not seen to serve just what is wanted" in (policies.not_scored_there(drifted, "1.0.0", "a") or "")
    assert policies.not_numbers([("income", "number"), ("paid", "boolean"), ("age", "integer")]) is None
    assert (policies.not_numbers([("purpose", "text")]) or "").endswith("these data hold purpose (text).")
    assert policies.why_a_worker("Production", []).startswith("No place in Production at which this model is served")
    for text, wanted in (("", "no score"), ("n/a", "no number"), ("nan", "no number"), ("-0.1", "outside 0 to 1")):
        assert wanted in (policies.no_score("Row 1", text, 0, 1) or "")
    assert policies.no_score("Row 1", " 0.5", 0, 1) is None
    assert policies.no_score("Row 1", "1e9", None, None) is None


def test_a_file_that_went_there_says_missing_by_nothing(tmp_path: Path) -> None:
    table = pa.table({"a": [1.5, None, float("nan")], "b": [True, False, None], "c": [1, 2, 3]})
    pq.write_table(table, tmp_path / "part.parquet")
    piece = policies.Piece(0, 0, 0, 7, 3)
    exchange.write_rows(tmp_path / "part.parquet", ["c", "a", "b"], piece, tmp_path / "rows.csv")
    assert (tmp_path / "rows.csv").read_text() == "7,1,1.5,1\n8,2,,0\n9,3,,\n"
