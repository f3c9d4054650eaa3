"""Azure ML scores a data set on a cluster, by our script over the approved bytes, which tells what scored each file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrm.connectors.azureml import AzuremlConnector
from mrm.core import blobs
from mrm.deployment.models import Breaker
from mrm.inventory.models import Dataset, Version
from mrm.jobs.models import Job
from mrm.prediction import queries, services
from mrm.prediction.models import BatchRun
from tests.connectors.azureml_batch_fake import CONTAINER, Files
from tests.connectors.azureml_fake import FakeAzure
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, an_approved
from tests.factories.backend import served_at_azure, without
from tests.factories.batch import applicants, asked, table_of
from tests.prediction.test_backend import passes
from tests.prediction.test_batch import told_by_the_model


@pytest.fixture
def backend(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzure]:
    settings.BATCH = {**settings.BATCH, "part_rows": 30}
    monkeypatch.setattr(AzuremlConnector, "poll_seconds", 0.01)
    with FakeAzure(steps=1) as served:
        monkeypatch.setenv("MRM_SECRET_AZURE", served.secret)
        yield served


def lying_there(backend: FakeAzure) -> list[str]:
    """What is not our script."""
    under = f"{CONTAINER}/mrm/"
    return [each for each in backend.batches.blobs.below(under) if not each.startswith(f"{under}code/")]


def test_a_cluster_scores_every_row_once_or_the_run_says_why_not(
    cast: Cast, tmp_path: Path, backend: FakeAzure
) -> None:
    version, data = an_approved(cast, a_model(cast), tmp_path), applicants(cast, tmp_path)
    served_at_azure(cast, version, backend, cluster="batch-cluster")
    Job.objects.all().delete()
    run, digest = asked(cast, version, data), version.artifact_id
    assert run.way == "backend"
    for sentence in ("Azure makes the endpoint for batches.", "Azure makes version 1.0.0 ready for batches."):
        passes(1)
        waiting = Job.objects.get(kind="prediction.score")
        assert waiting.stage == f"Azure Amsterdam is not ready yet: {sentence}"
    assert not Breaker.objects.filter(failures__gt=0).exists()
    backend.steps = 2
    passes(1)
    run.refresh_from_db()
    (job,) = backend.batches.jobs
    waiting = Job.objects.get(kind="prediction.score")
    assert (run.status, run.backend_job, run.parts.count()) == ("running", job, 0)
    assert waiting.stage == f"Azure Amsterdam scores it as {job}. Azure says Running."
    passes(2)
    run.refresh_from_db()
    assert (run.status, run.error, [part.rows for part in queries.parts_of(run)]) == ("done", "", [30, 10, 20])
    output = table_of(blobs.read(run.output_sha256))
    assert output["score"].to_numpy() == pytest.approx(told_by_the_model(data), abs=1e-6)
    (found,) = queries.row_decisions(run, "A041", fresh(cast.deployer))
    assert (found.row, found.part.backend_job, found.score) == (41, job, output["score"][41].as_py())
    assert lying_there(backend) == []

    _with_a_row_too_few(cast, backend, version, data)
    _cancelled(cast, backend, version, data)
    backend.batches.blobs.write(f"approved/models/{digest}/model.onnx", b"other bytes")
    altered = _ended(asked(cast, version, data))
    assert (altered.status, lying_there(backend)) == ("failed", [])
    assert "Azure Amsterdam did not do it. The bytes in the folder" in altered.error
    _without_a_cluster(cast, version, data)


def _ended(run: BatchRun) -> BatchRun:
    passes(5)
    return BatchRun.objects.get(pk=run.pk)


def _with_a_row_too_few(cast: Cast, backend: FakeAzure, version: Version, data: Dataset) -> None:
    def spoil(files: Files) -> Files:
        name = "part-00000.csv.scores"
        return files | {name: b"".join(files[name].splitlines(keepends=True)[:-1])}

    backend.batches.spoil = spoil
    found = _ended(asked(cast, version, data))
    backend.batches.spoil = dict
    assert (found.status, found.parts.count(), lying_there(backend)) == ("failed", 0, [])
    assert "part-00000.csv holds no score for row 29." in found.error


def _cancelled(cast: Cast, backend: FakeAzure, version: Version, data: Dataset) -> None:
    run, before, backend.steps = asked(cast, version, data), set(backend.batches.jobs), 4
    passes(1)
    (job,) = set(backend.batches.jobs) - before
    services.cancel_batch(BatchRun.objects.get(pk=run.pk), actor=fresh(cast.deployer))
    found = _ended(run)
    status = backend.batches.jobs[job]["properties"]["status"]
    assert (found.status, status, found.parts.count(), lying_there(backend)) == ("cancelled", "Canceled", 0, [])


def _without_a_cluster(cast: Cast, version: Version, data: Dataset) -> None:
    without("cluster")
    run = asked(cast, version, data)
    assert run.way == "worker"
    assert run.way_because == (
        "credit at Azure Amsterdam takes no whole data sets. Its configuration names no cluster that scores batches"
        " (`cluster`). So a worker scores the data."
    )
