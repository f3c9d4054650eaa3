"""Vertex AI scores a data set as a job of its own: its answers come in any order, and each is told by the row's place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrm.connectors.vertex import VertexConnector
from mrm.core import blobs
from mrm.inventory.models import Dataset, Version
from mrm.jobs.models import Job
from mrm.prediction import queries
from tests.connectors.vertex_fake import FakeVertex
from tests.factories.access import Cast, fresh
from tests.factories.approved import a_model, an_approved
from tests.factories.backend import served_at_vertex, without
from tests.factories.batch import applicants, asked, table_of
from tests.prediction.test_backend import passes
from tests.prediction.test_batch import told_by_the_model


@pytest.fixture
def backend(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVertex]:
    settings.BATCH = {**settings.BATCH, "part_rows": 30}
    monkeypatch.setattr(VertexConnector, "poll_seconds", 0.01)
    with FakeVertex() as served:
        monkeypatch.setenv("MRM_SECRET_VERTEX", served.key)
        yield served


def test_a_place_scores_every_row_once_or_says_which_it_did_not(
    cast: Cast, tmp_path: Path, backend: FakeVertex
) -> None:
    version, data = an_approved(cast, a_model(cast), tmp_path), applicants(cast, tmp_path)
    served_at_vertex(cast, version, backend, batches="gs://exchange/mrm")
    Job.objects.all().delete()
    run = asked(cast, version, data)
    assert run.way == "backend"
    passes(1)
    run.refresh_from_db()
    (job,) = backend.jobs
    assert (run.status, run.backend_job, run.parts.count()) == ("running", job, 0)
    waiting = Job.objects.get(kind="prediction.score")
    assert waiting.stage == f"Vertex Eemshaven scores it as {job}. Vertex AI says RUNNING. Rows scored: 1."
    passes(3)
    run.refresh_from_db()
    assert (run.status, run.error, [part.rows for part in queries.parts_of(run)]) == ("done", "", [30, 10, 20])
    output = table_of(blobs.read(run.output_sha256))
    assert output["score"].to_numpy() == pytest.approx(told_by_the_model(data), abs=1e-6)
    (found,) = queries.row_decisions(run, "A041", fresh(cast.deployer))
    assert (found.row, found.part.backend_job, found.score) == (41, job, output["score"][41].as_py())
    assert backend.storage.below("gs://exchange/") == []

    backend.unscored = {41, 7}
    failing = asked(cast, version, data)
    passes(4)
    failing.refresh_from_db()
    assert (failing.status, failing.parts.count(), backend.storage.below("gs://exchange/")) == ("failed", 0, [])
    assert "did not score every row: 2 failed. row 7: The container said no.; row 41:" in failing.error
    _without_a_folder_for_batches(cast, version, data)


def _without_a_folder_for_batches(cast: Cast, version: Version, data: Dataset) -> None:
    without("batches")
    run = asked(cast, version, data)
    assert run.way == "worker"
    assert run.way_because == (
        "credit at Vertex Eemshaven takes no whole data sets. Its configuration names no folder for batches (`batches`)."
        " So a worker scores the data."
    )
