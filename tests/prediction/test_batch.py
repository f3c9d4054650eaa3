"""A data set is scored part by part by what is approved, once, and every row says what scored it."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from mrm.access import services as access
from mrm.approval import services as approval
from mrm.audit.models import Event
from mrm.audit.trail import recorded
from mrm.client import Client as Notebook
from mrm.client import Refusal
from mrm.core import blobs
from mrm.core.refusal import Forbidden, Invalid, Refused
from mrm.deployment import services as deployment
from mrm.deployment.models import Environment
from mrm.inventory.models import Dataset, Version
from mrm.jobs import runner
from mrm.jobs import services as jobs
from mrm.jobs.kinds import Cancelled
from mrm.jobs.models import Job, JobState
from mrm.jobs.queries import latest_for
from mrm.measures.scoring import file_digest
from mrm.prediction import policies, queries, services
from mrm.prediction.models import BatchPart, BatchRun
from mrm.prediction.queries import scores
from mrm.prediction.services.batch import begin_batch
from mrm.prediction.services.scoring import score_batch
from tests.conftest import ROOT, _cluster
from tests.factories.access import SETUP, Cast, fresh
from tests.factories.approved import a_draft, a_model, an_approved, onnx
from tests.factories.batch import USE, applicants, asked, table_of

PARTS = [30, 10, 20]


@pytest.fixture(autouse=True)
def small_parts(settings: Any) -> None:
    settings.BATCH = {**settings.BATCH, "part_rows": 30}


@pytest.fixture
def version(cast: Cast, tmp_path: Path) -> Version:
    return an_approved(cast, a_model(cast), tmp_path)


@pytest.fixture
def data(cast: Cast, tmp_path: Path) -> Dataset:
    return applicants(cast, tmp_path)


def told_by_the_model(data: Dataset, seed: int = 1) -> np.ndarray:
    """What the model says of the rows when it is asked directly."""
    frame = table_of(blobs.read(data.sha256)).to_pandas()[["income", "debt"]]
    session = onnxruntime.InferenceSession(onnx(seed))
    return session.run(None, {session.get_inputs()[0].name: frame.to_numpy("float32")})[1][:, 1]


def work(run: BatchRun) -> BatchRun:
    while runner.run_next():
        pass
    return BatchRun.objects.get(pk=run.pk)


def test_every_row_is_scored_once_and_says_by_what(cast: Cast, version: Version, data: Dataset, storage: Path) -> None:
    run = asked(cast, version, data)
    assert (run.ref, run.rows) == (f"BS-{timezone.now().year}-{run.number:05d}", 60)
    done = work(run)
    parts = list(queries.parts_of(done))
    assert (done.status, done.error, done.parts_planned) == ("done", "", 3)
    assert [(part.index, part.row_group, part.first_row, part.rows) for part in parts] == [
        (0, 0, 0, 30), (1, 0, 30, 10), (2, 1, 40, 20),
    ]  # fmt: skip
    granted = version.approvals.get()
    for part in parts:
        assert (part.version_id, part.artifact_sha256, part.approval_id, part.policy_id) == (
            version.pk, version.artifact_id, granted.pk, granted.request.policy_id,
        )  # fmt: skip
        assert granted.granted_at < part.scored_at < timezone.now()
        assert part.seconds > part.cpu_seconds > 0
    output = table_of(blobs.read(done.output_sha256))
    assert output["row"].to_pylist() == list(range(60))
    assert output["row_id"].to_pylist() == [f"A{row:03d}" for row in range(60)]
    assert output["score"].to_numpy() == pytest.approx(told_by_the_model(data), abs=1e-7)
    assert set(output["artifact_sha256"].to_pylist()) == {version.artifact_id}
    assert set(output["version"].to_pylist()) == {"1.0.0"}
    assert output.schema.metadata[b"mrm.batch"] == scores._told(done)[b"mrm.batch"]
    assert f'"approval_id":"{granted.pk}"'.encode() in output.schema.metadata[b"mrm.batch"]
    (found,) = scores.find_row(done, parts, " A041 ")
    assert (found.row, found.part.index, found.score) == (41, 2, output["score"][41].as_py())
    assert scores.find_row(done, parts, "Z") == []
    # a damaged output is seen where it is read; the row is found in its part, without it
    whole = storage / "blobs" / "sha256" / done.output_sha256[:2] / done.output_sha256
    content = whole.read_bytes()
    whole.write_bytes(content[:8] + bytes([content[8] ^ 1]) + content[9:])
    assert [each.row for each in scores.find_row(done, parts, "A041")] == [41]
    with pytest.raises(Refused, match="changed in the storage"):
        scores.find_row(done, parts, "Z")
    whole.write_bytes(content)
    job = latest_for(done)
    assert job is not None
    assert (job.state, job.done, job.total) == ("done", 60, 60)
    events = Event.objects.filter(verb="prediction.score_part", outcome="done")
    assert [event.details["rows"] for event in events.order_by("position")] == PARTS
    # a second worker that comes to the same run changes nothing
    score_batch(str(run.pk), lambda stage, done=0, total=0: None)
    assert BatchPart.objects.count() == 3


def test_an_approval_withdrawn_while_a_part_is_scored_keeps_that_part_off_the_record(
    cast: Cast, version: Version, data: Dataset
) -> None:
    run = asked(cast, version, data)

    def withdrawn(stage: str, done: int = 0, total: int = 0) -> None:
        if stage == "Part 2 of 3" and version.approvals.get().status == "valid":
            approval.withdraw(version.approvals.get(), reason="Scores drift.", actor=fresh(cast.officer))

    with pytest.raises(Refused, match="has no valid approval"):
        score_batch(str(run.pk), withdrawn)
    run.refresh_from_db()
    assert (run.status, run.output_sha256) == ("failed", "")
    assert run.error == f"{version} may not score. {version} has no valid approval."
    assert "stay on record" in run.remedy
    assert [part.rows for part in run.parts.all()] == [30]
    assert scores.find_row(run, list(queries.parts_of(run)), "A021")[0].part.index == 0
    assert Event.objects.filter(verb="prediction.score_part", outcome="refused").count() == 1
    with pytest.raises(Refused, match="has no valid approval"):
        asked(cast, version, data)


def test_what_may_not_be_scored_is_refused_in_a_sentence(
    cast: Cast, version: Version, data: Dataset, tmp_path: Path
) -> None:
    production = Environment.objects.get(key="production")
    right: dict[str, Any] = {"dataset": data, "environment": production, "use": USE, "actor": fresh(cast.deployer)}
    lacking = applicants(cast, tmp_path, columns=("income",))
    with pytest.raises(Invalid, match="has no column debt, which the version takes; it has row_id, income"):
        services.start_batch(version, **right | {"dataset": lacking})
    with pytest.raises(
        Invalid, match=r"Marketing is no approved use of this model; it is approved for Retail credit\."
    ):
        services.start_batch(version, **right | {"use": "Marketing"})
    draft = a_draft(cast, version.model, tmp_path, "2.0.0", seed=2)
    with pytest.raises(Refused, match="has no valid approval"):
        services.start_batch(draft, **right)
    for account in (
        cast.owner,
        cast.developer,
        cast.validator,
        cast.officer,
        cast.auditor,
        cast.administrator,
        cast.outsider,
    ):
        with pytest.raises(Forbidden, match="This is done by a deployer"):
            services.start_batch(version, **right | {"actor": fresh(account)})
    deployment.declare_freeze(
        production, starts_at=timezone.now(), ends_at=timezone.now() + dt.timedelta(days=1), reason="Year end.",
        actor=fresh(cast.officer),
    )  # fmt: skip
    with pytest.raises(Invalid, match="is frozen until"):
        services.start_batch(version, **right)
    assert BatchRun.objects.count() == 0
    assert Job.objects.filter(kind="prediction.score").count() == 0


def test_a_cancelled_run_scores_no_further_part_and_other_bytes_score_nothing(
    cast: Cast, version: Version, data: Dataset, storage: Path
) -> None:
    run = asked(cast, version, data)
    while (job := jobs.take()) is not None and job.kind != "prediction.score":
        pass
    assert job is not None

    def progress(stage: str, done: int = 0, total: int = 0) -> None:
        if run.parts.count() == 1 and not Job.objects.get(pk=job.pk).cancel_requested:
            services.cancel_batch(run, actor=fresh(cast.deployer))
        if not jobs.report(job, stage, done, total):
            raise Cancelled

    def taken_away(stage: str, done: int = 0, total: int = 0) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        score_batch(str(run.pk), taken_away)
    run.refresh_from_db()
    assert run.status == "queued"  # another worker has the job by now
    with pytest.raises(Cancelled):
        score_batch(str(run.pk), progress)
    run.refresh_from_db()
    assert (run.status, run.parts.count(), run.output_sha256) == ("cancelled", 1, "")
    with pytest.raises(Refused, match="this is cancelled"):
        services.cancel_batch(run, actor=fresh(cast.deployer))

    assert version.artifact_id is not None
    (storage / "blobs" / "sha256" / version.artifact_id[:2] / version.artifact_id).write_bytes(onnx(2))
    failed = work(asked(cast, version, data))
    assert (failed.status, failed.parts.count()) == ("failed", 0)
    assert "they were changed in the storage" in failed.error
    assert failed.remedy.startswith("Nothing was scored with other bytes.")


def test_page_api_command_and_notebook_say_what_scored_a_row(
    own_database: str, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cast = Cast()
    version, data = an_approved(cast, a_model(cast), tmp_path), applicants(cast, tmp_path)
    settings.BATCH = {**settings.BATCH, "part_rows": 60}
    browser = Client()
    browser.force_login(fresh(cast.deployer), backend="mrm.project.signin.AccountBackend")
    start = f"/predictions/batches/start/{version.pk}/"
    assert b"Start</button>" in browser.get(start).content
    wrong = browser.post(start, {"dataset": data.pk, "use": "Marketing"})
    assert (wrong.status_code, b"Nothing was started" in wrong.content) == (422, True)
    production = Environment.objects.get(key="production")
    made = browser.post(start, {"dataset": data.pk, "use": USE, "environment": production.pk})
    run = BatchRun.objects.get()
    assert (made.status_code, made["Location"]) == (302, run.get_absolute_url())
    page = f"/predictions/batches/{run.pk}/"
    assert "Waits for a worker" in browser.get(page).content.decode()
    assert b"estimated once the first part is on record" in browser.get(f"{page}progress/").content
    assert browser.get(f"{page}file/").status_code == 409
    api = APIClient()
    api.force_authenticate(fresh(cast.owner))
    body = {"dataset": str(data.pk), "environment": "production", "use": USE}
    assert api.post(f"/api/v1/versions/{version.pk}/batch-runs/", body).status_code == 403
    assert api.post(f"/api/v1/batch-runs/{run.pk}/cancel/").status_code == 403
    assert api.get(f"/api/v1/batch-runs/{run.pk}/").json()["ends_at"] is None

    run = work(run)
    assert browser.get(f"{page}progress/")["HX-Refresh"] == "true"
    told = browser.get(page, {"row": "A041"}).content.decode()
    granted = version.approvals.get()
    words = (
        granted.artifact_sha256,
        granted.request.ref,
        str(granted.request.policy),
        "Download",
        "in part 2",
        run.ref,
    )
    assert [each for each in words if each not in told] == []
    assert "No row of that name" in browser.get(page, {"row": "A999"}).content.decode()
    assert run.ref in browser.get("/predictions/batches/").content.decode()
    (row,) = api.get(f"/api/v1/batch-runs/{run.pk}/rows/A041/").json()
    assert (row["row"], row["score"], row["scored_by"]["index"]) == (41, None, 1)
    assert "This is done by" in row["closed"]
    assert row["scored_by"]["policy_digest"] == granted.request.policy.digest
    assert api.get(f"/api/v1/batch-runs/{run.pk}/rows/A999/").status_code == 404
    assert api.get(f"/api/v1/batch-runs/{run.pk}/file/").status_code == 403

    _asked_from_a_notebook(cast, run, tmp_path, told_by_the_model(data)[41])
    _asked_by_command(run, capsys)


def _asked_from_a_notebook(cast: Cast, run: BatchRun, folder: Path, expected: float) -> None:
    token = access.issue_token(cast.deployer, label="N", scopes=["prediction:*"], days=1, actor=fresh(cast.deployer))
    served = httpx.WSGITransport(app=get_wsgi_application())
    client = Notebook("http://testserver", token.secret, transport=served)  # type: ignore[attr-defined]
    kept = client.scores(str(run.pk), folder / "scores.parquet")
    assert file_digest(kept) == run.output_sha256
    (found,) = client.scored_by(str(run.pk), "A041")
    assert found["score"] == pytest.approx(expected, abs=1e-7)
    again = client.score(str(run.version_id), str(run.dataset_id), use=USE)
    assert client.cancel_scoring(again["id"])["status"] == "cancelled"
    with pytest.raises(Refusal, match="is cancelled"):
        client.scores(again["id"], folder / "none.parquet")


def _asked_by_command(run: BatchRun, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("predictions", "row", "A041", "--run", run.ref, "--as", "anna")
    out = capsys.readouterr().out
    assert f"digest    {run.artifact_sha256}" in out
    assert f"approval  {run.approval.request.ref} under {run.approval.request.policy}" in out
    with pytest.raises(CommandError, match=f"No row A999 has a score on record in {run.ref}"):
        call_command("predictions", "row", "A999", "--run", str(run.pk), "--as", "anna")
    with pytest.raises(CommandError, match="There is no run BS-2026-99999, or it is not open to anna"):
        call_command("predictions", "row", "A041", "--run", "BS-2026-99999", "--as", "anna")


def test_the_database_keeps_parts_and_runs_by_itself(
    cast: Cast, version: Version, data: Dataset, settings: Any
) -> None:
    settings.BATCH = {**settings.BATCH, "part_rows": 60}
    run = asked(cast, version, data)
    done = work(run)
    part = list(done.parts.all())[-1]
    queued = asked(cast, version, data)

    def refused(statement: str, *given: Any) -> str:
        with (
            pytest.raises(DatabaseError) as caught,
            transaction.atomic(),
            recorded("prediction.score_part", actor=SETUP),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, given)
        return str(caught.value)

    columns = "row_group, rows, output_sha256, output_size, artifact_sha256, seconds, cpu_seconds, network, approval_id, policy_id, version_id"
    copied = f"INSERT INTO prediction_batchpart (run_id, index, first_row, {columns}) SELECT %s, %s, %s, {columns} FROM prediction_batchpart WHERE id = %s"
    table = "prediction_batchpart"
    assert table in refused(f"UPDATE {table} SET artifact_sha256 = 'b' WHERE id = %s", part.pk)
    assert table in refused(f"DELETE FROM {table} WHERE id = %s", part.pk)
    assert "next one of a run that is under way" in refused(copied, done.pk, 2, 60, part.pk)
    assert "next one of a run that is under way" in refused(copied, queued.pk, 0, 0, part.pk)
    assert "how it ended, stays" in refused("UPDATE prediction_batchrun SET output_sha256 = 'b' WHERE id = %s", done.pk)
    assert "stays on record" in refused("DELETE FROM prediction_batchrun WHERE id = %s", queued.pk)
    assert "asked for" in refused("UPDATE prediction_batchrun SET artifact_sha256 = 'b' WHERE id = %s", queued.pk)
    begin_batch(queued, parts=2, actor=SETUP)
    finish = "UPDATE prediction_batchrun SET status = 'done', output_sha256 = 'b', finished_at = now() WHERE id = %s"
    assert "every row has its part" in refused(finish, queued.pk)
    approval.withdraw(version.approvals.get(), reason="Scores drift.", actor=fresh(cast.officer))
    assert "while they are approved" in refused(copied, queued.pk, 0, 0, part.pk)
    again = "INSERT INTO prediction_batchrun SELECT (jsonb_populate_record(r, %s::jsonb)).* FROM prediction_batchrun r WHERE id = %s"
    changed = (
        '{"id": "%s", "number": 99, "status": "queued", "output_sha256": "", "output_size": 0, "finished_at": null}'
    )
    assert "valid approval of these bytes" in refused(again, changed % "0b0e6f0e-3d1c-4f6e-9d3b-000000000001", done.pk)


def test_a_worker_killed_in_the_middle_is_followed_by_one_that_scores_the_rest(
    own_database: str, tmp_path: Path, storage: Path
) -> None:
    cast = Cast()
    version = an_approved(cast, a_model(cast), tmp_path)
    data = applicants(cast, tmp_path)
    Job.objects.all().delete()
    run = asked(cast, version, data)
    environment = os.environ | {
        "DATABASE_URL": _cluster().url("mrm_app", own_database), "MRM_DATA_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "mrm.project.settings", "MRM_STORAGE_URL": f"file://{storage}/blobs",
    }  # fmt: skip
    code = "import django; django.setup(); from mrm.jobs.runner import run_next; run_next()"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment) as worker:
        ends = time.monotonic() + 60
        while run.parts.count() < 1 and time.monotonic() < ends and worker.poll() is None:
            time.sleep(0.02)
        worker.send_signal(signal.SIGKILL)
    run.refresh_from_db()
    before = {part.pk: part.scored_at for part in run.parts.all()}
    assert (run.status, run.output_sha256) == ("running", "")
    assert 1 <= len(before) < 3
    Job.objects.update(heartbeat=timezone.now() - dt.timedelta(minutes=5))
    runner.sweep()
    done = work(run)
    assert (done.status, Job.objects.get().attempts, Job.objects.get().state) == ("done", 2, JobState.DONE)
    after = {part.pk: part.scored_at for part in done.parts.all()}
    assert len(after) == 3
    assert before.items() <= after.items()
    output = table_of(blobs.read(done.output_sha256))
    assert output["row_id"].to_pylist() == [f"A{row:03d}" for row in range(60)]
    assert output["score"].to_numpy() == pytest.approx(told_by_the_model(data), abs=1e-7)
    assert list((storage / "blobs" / "incoming").iterdir()) == []


def test_parts_follow_from_the_file_alone(tmp_path: Path) -> None:
    found = list(policies.pieces([40, 0, 20], 30))
    assert [each.rows for each in found] == PARTS
    assert [asdict(each) for each in found[1:]] == [
        {"index": 1, "row_group": 0, "offset": 30, "first_row": 30, "rows": 10},
        {"index": 2, "row_group": 2, "offset": 0, "first_row": 40, "rows": 20},
    ]
    assert policies.too_many_parts([1] * 20_001, 20) is not None
    assert policies.too_many_parts([20] * 20_000, 20) is None
    assert policies.seconds_left(60, 20, 3.0) == 9.0
    assert policies.seconds_left(60, 0, 0.0) is None
    # one row group, cut where a run goes on in the middle of it
    whole = pq.read_table(_numbered(tmp_path / "whole.parquet"))
    pieces = list(policies.pieces([100], 30))
    cut = [
        pq.read_table(tmp_path / "part.parquet")["x"].to_pylist()
        for _ in scores.cut(tmp_path / "whole.parquet", pieces[2:], ["x"], tmp_path / "part.parquet", 30)
    ]
    assert cut == [whole["x"].to_pylist()[60:90], whole["x"].to_pylist()[90:]]


def _numbered(path: Path) -> Path:
    import pyarrow as pa

    pq.write_table(pa.table({"x": np.arange(100), "y": np.arange(100)}), path)
    return path
