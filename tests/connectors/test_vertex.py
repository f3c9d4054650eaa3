"""The Vertex AI connector keeps the contract against a fake that is held to Google's discovery document."""

import copy
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mrm.connectors.protocol import (
    AuthFailed,
    Cap,
    Conflict,
    Connector,
    Integrity,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Role,
    Transient,
    Unsupported,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import connector
from tests.connectors.batches import FIRST, SECOND, a_batch, ended, fetched, staged
from tests.connectors.bench import Bench, applied, deleted, desired, op, settle, version
from tests.connectors.cloud_fake import Fault
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.faults import drops_after_send
from tests.connectors.store import MemoryStore
from tests.connectors.vertex_fake import PLACE, FakeVertex
from tests.gateway.models import matrix


class VertexBench(Bench):
    id = "vertex"
    poll_seconds = 0.01

    def __init__(self, fake: FakeVertex) -> None:
        self.fake, self.secret = fake, fake.secret
        self.config = {
            "project": "bank",
            "location": "europe-west4",
            "storage": "gs://models/approved",
            "batches": "gs://exchange/mrm",
            "image": "europe-docker.pkg.dev/bank/serving/onnx@sha256:" + "a" * 64,
            "predict_route": "/v2/models/model/infer",
            "health_route": "/v2/health/ready",
            "machine_type": "n2-standard-2",
            "key_secret": "account",
            "base_url": fake.url,
            "storage_url": fake.url,
        }
        self.secrets = {"account": fake.key}

    def lies(self, version: VersionRef) -> str:
        """The operator's part: the bytes of a version in the folder of its digest."""
        place = f"{self.config['storage']}/{version.artifact.digest}/model.onnx"
        self.fake.storage.write(place, matrix(int(version.version)).content)
        return place

    def deployed(self, endpoint: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.fake.endpoints[endpoint]["deployedModels"]
        return found

    def disturb(self, endpoint: str) -> None:
        """Somebody deploys version 1 again in the console, and gives it the traffic."""
        applied(self.connector(store := MemoryStore()), desired("elsewhere", 1, version(store, 1)))
        older, found = self.deployed("elsewhere")[0], self.fake.endpoints[endpoint]
        self.deployed(endpoint).append(copy.deepcopy(older))
        found["trafficSplit"] = {older["id"]: 100}
        self.fake.touched(found)


@pytest.fixture(scope="module")
def bench() -> Iterator[VertexBench]:
    with FakeVertex() as fake:
        yield VertexBench(fake)


class TestVertex(ConnectorContract):
    def test_batch(self, bench: VertexBench, backend: Connector, endpoint: str, one: VersionRef) -> None:
        """The champion scores a data set: one job, whose answers come in any order and are told in the order sent."""
        applied(backend, desired(endpoint, 1, one))
        bench.lies(one)
        batch, made = a_batch(one), len(bench.fake.jobs)
        with pytest.raises(NotFound, match="No rows of the batch"):
            backend.submit_batch(endpoint, batch, op=op())
        files = staged(backend, batch, [FIRST, SECOND])
        assert backend.find_batch(endpoint, batch) is None
        asked = backend.submit_batch(endpoint, batch, op=op())
        assert (asked.done, asked.digest) == (False, one.artifact.digest)
        said = f"Version {one.version} of {one.model}, digest {one.artifact.digest}."
        assert asked.message == f"Vertex AI says PENDING. {said}"
        again, found = backend.submit_batch(endpoint, batch, op=op()), backend.find_batch(endpoint, batch)
        assert found is not None
        assert asked.job == again.job == found.job
        assert asked.handle == again.handle == found.handle
        assert len(bench.fake.jobs) == made + 1
        assert backend.poll_batch(asked.handle).message == "Vertex AI says RUNNING. Rows scored: 1."
        done = ended(backend, asked)
        assert (done.digest, done.message) == (
            one.artifact.digest,
            f"Vertex AI says SUCCEEDED. Rows scored: 3. {said}",
        )
        assert backend.cancel_batch(asked.handle, op=op()).message.startswith("Vertex AI says SUCCEEDED.")
        told = [line for file in files for line in fetched(backend, batch, file)]
        wanted = matrix(int(one.version)).probabilities(
            [[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 1.5, -1.5], [0.0, 1.0, 0.0, 0.0]]
        )
        assert [place for place, _ in told] == ["0", "1", "2"]
        assert [float(score) for _, score in told] == pytest.approx([each[1] for each in wanted], abs=1e-6)
        kept = f"gs://exchange/mrm/{batch.key}/"
        rows = f"{kept}rows/{files[0].name}.jsonl"
        for other in (
            bench.fake.storage.objects[rows].replace(b"1.5", b'"1.5"'),
            bench.fake.storage.objects[rows].replace(b'"f0":1,', b'"f0":9,"f0":1,'),
        ):
            bench.fake.storage.write(rows, other)
            with pytest.raises(Integrity, match="other rows"):
                fetched(backend, batch, files[0])
        backend.clear_batch(batch, [file.name for file in files], op=op())
        backend.clear_batch(batch, [file.name for file in files], op=op())
        assert bench.fake.storage.below(kept) == []
        assert len(bench.fake.under_way(json.loads(asked.handle)["job"])) == 1
        with pytest.raises(NotFound):
            backend.cancel_batch(asked.handle, op=op())

    def test_a_job_whose_answer_was_lost_is_found_and_never_made_twice(
        self, bench: VertexBench, backend: Connector, store: MemoryStore, endpoint: str, one: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        bench.lies(one)
        batch, made = a_batch(one), len(bench.fake.jobs)
        staged(backend, batch, [FIRST])
        with bench.proxy() as proxy:
            behind = bench.connector(store, **bench.at(proxy.url))
            with proxy.on(drops_after_send, nth_change=1), pytest.raises(OutcomeUnknown):
                behind.submit_batch(endpoint, batch, op=op())
        found = backend.find_batch(endpoint, batch)
        assert found is not None
        assert backend.submit_batch(endpoint, batch, op=op()).job == found.job
        assert len(bench.fake.jobs) == made + 1
        second = bench.fake.batch_prediction_jobs_create([], {}, asked_like(bench, found.job))["name"].rpartition("/")[
            2
        ]
        assert backend.submit_batch(endpoint, batch, op=op()).job == found.job
        assert bench.fake.jobs[second]["state"] == "JOB_STATE_CANCELLING"
        ended(backend, found)
        with pytest.raises(Transient, match="still stops a job"):
            backend.clear_batch(batch, ["part-0.csv"], op=op())
        bench.fake.jobs[second]["state"] = "JOB_STATE_CANCELLED"
        backend.clear_batch(batch, ["part-0.csv"], op=op())
        assert bench.fake.storage.below(f"gs://exchange/mrm/{batch.key}/") == []

    def test_a_batch_that_is_stopped_or_fails_says_so(
        self, bench: VertexBench, backend: Connector, endpoint: str, one: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        place = bench.lies(one)
        asked = []
        for _ in range(5):
            batch = a_batch(one)
            staged(backend, batch, [FIRST])
            asked.append(backend.submit_batch(endpoint, batch, op=op()))
        stopped = backend.cancel_batch(asked[0].handle, op=op())
        assert not stopped.done
        with pytest.raises(Conflict, match="Somebody stopped the job"):
            ended(backend, stopped)
        cancel = bench.fake.batch_prediction_jobs_cancel

        def too_late(parts: list[str], query: dict[str, str], body: Any) -> Any:
            bench.fake.jobs[parts[1]]["state"] = "JOB_STATE_SUCCEEDED"
            return cancel(parts, query, body)

        bench.fake.batch_prediction_jobs_cancel = too_late  # type: ignore[method-assign]
        try:
            assert backend.cancel_batch(asked[1].handle, op=op()).message.startswith("Vertex AI says SUCCEEDED.")
        finally:
            del bench.fake.batch_prediction_jobs_cancel
        bench.fake.jobs[asked[1].job] |= {"state": "JOB_STATE_FAILED", "error": {"code": 3, "message": "Bad record."}}
        with pytest.raises(Invalid, match=r"Vertex AI says FAILED: Bad record\."):
            backend.poll_batch(asked[1].handle)
        bench.fake.unscored = {1}
        with pytest.raises(Invalid, match=r"did not score every row: 1 failed\. row 1: The container said no\."):
            ended(backend, asked[2])
        bench.fake.unscored = set()
        job = bench.fake.jobs[asked[2].job] | {"state": "JOB_STATE_PARTIALLY_SUCCEEDED", "completionStats": {}}
        bench.fake.jobs[asked[2].job] = job
        errors = f"{job['outputInfo']['gcsOutputDirectory']}/prediction.errors_stats-00000-of-00001"
        bench.fake.storage.write(errors, b"('Post request fails.', 1)\n")
        with pytest.raises(Invalid, match=r"did not score every row: some failed\. \('Post request fails\.', 1\)$"):
            backend.poll_batch(asked[2].handle)
        bench.fake.storage.write(place, bench.fake.storage.objects[place])
        with pytest.raises(Integrity, match=r"The bytes of version 1 were written anew"):
            ended(backend, asked[3])
        bench.fake.storage.write(place, b"other bytes")
        bench.fake.jobs[asked[4].job]["state"] = "JOB_STATE_SUCCEEDED"
        bench.fake.jobs[asked[4].job]["outputInfo"] = {"gcsOutputDirectory": "gs://exchange/mrm/a"}
        with pytest.raises(Integrity, match="not those of the digest"):
            backend.poll_batch(asked[4].handle)
        with pytest.raises(Integrity, match="not those of the digest"):
            backend.submit_batch(endpoint, a_batch(one), op=op())

    def test_answers_without_a_place_or_for_a_row_twice_are_refused(
        self, bench: VertexBench, backend: Connector, endpoint: str, one: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        bench.lies(one)
        for spoil, sentence in SPOILT:
            batch = a_batch(one)
            (file,) = staged(backend, batch, [FIRST])
            bench.fake.spoil = spoil
            try:
                ended(backend, backend.submit_batch(endpoint, batch, op=op()))
            finally:
                bench.fake.spoil = list
            with pytest.raises(Invalid, match=sentence):
                fetched(backend, batch, file)

    def test_a_batch_is_scored_by_what_it_names_or_not_at_all(
        self, bench: VertexBench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        with pytest.raises(NotFound, match="deploy the version first"):
            backend.submit_batch(endpoint, a_batch(one), op=op())
        applied(backend, desired(endpoint, 1, one))
        del bench.fake.storage.objects[bench.lies(one)]
        with pytest.raises(Integrity, match="not those of the digest"):
            backend.submit_batch(endpoint, a_batch(one), op=op())
        bench.lies(one)
        made = len(bench.fake.jobs)
        with pytest.raises(Conflict, match="serves version 1, not 2 as approved"):
            backend.submit_batch(endpoint, a_batch(two), op=op())
        assert len(bench.fake.jobs) == made
        batch = a_batch(one)
        with pytest.raises(Invalid, match="Row 4 holds inf, which cannot be sent"):
            staged(backend, batch, [b"4,1,inf,2,3\n"])
        (file,) = staged(backend, batch, [b"0,1,,2,-1.5e-07\n"])
        sent = bench.fake.storage.objects[f"gs://exchange/mrm/{batch.key}/rows/part-0.csv.jsonl"]
        assert sent == b'{"place":0,"f0":1,"f1":null,"f2":2,"f3":-1.5e-07}\n'
        asked = backend.submit_batch(endpoint, batch, op=op())
        with pytest.raises(Invalid, match="left no scores"):
            fetched(backend, batch, file)
        applied(backend, desired(endpoint, 2, two))
        bench.lies(two)
        with pytest.raises(Conflict, match=r"with another labels\.mrm-bytes"):
            backend.submit_batch(endpoint, replace(batch, version="2", digest=two.artifact.digest), op=op())
        for handle in ("a", '{"job": "projects/bank", "model": "m"}'):
            with pytest.raises(Invalid, match="no handle of a batch"):
                backend.poll_batch(handle)
        assert backend.cancel_batch(asked.handle, op=op()).message.startswith("Vertex AI says CANCELLING.")

    def test_without_a_folder_for_batches_it_takes_none(
        self, bench: VertexBench, endpoint: str, one: VersionRef
    ) -> None:
        config = {name: value for name, value in bench.config.items() if name != "batches"}
        bare = connector("vertex", config, bench.secrets, MemoryStore())
        assert Cap.BATCH not in bare.caps
        with pytest.raises(Unsupported, match="names no folder for batches"):
            bare.submit_batch(endpoint, a_batch(one), op=op())


def _without_place(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"prediction": each["prediction"]} for each in lines]


def _words(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"prediction": {"class": "good"}} for each in lines]


SPOILT = [
    (_without_place, "answered without the place of a row"),
    (lambda lines: [*lines, lines[0]], "answered more than once for row 0"),
    (_words, r"answered row \d with neither a number nor a list of numbers"),
]


def asked_like(bench: VertexBench, job: str) -> dict[str, Any]:
    """What somebody sends who asks for the same job at the same moment."""
    found = {
        k: v for k, v in bench.fake.jobs[job].items() if k not in {"name", "state", "createTime", "modelVersionId"}
    }
    return found | {"model": f"{found['model']}@1"}


def test_new_version_starts_before_the_traffic_moves(bench: VertexBench) -> None:
    """Nobody is without an answer: claim, model, machines, then all of the traffic, then the end of the old one."""
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("in-order", 1, version(store, 1)))
    bench.fake.requests.clear()
    applied(backend, desired("in-order", 2, version(store, 97)))  # that no other test registered
    changes = [line.removeprefix("POST ") for line in bench.fake.requests if not line.startswith("GET")]
    place = f"/v1/{PLACE}/endpoints/in-order"
    assert changes[:4] == [f"PATCH {place}", f"/v1/{PLACE}/models:upload", f"{place}:deployModel", f"PATCH {place}"]


def test_failed_deployment_is_told_in_the_services_words_and_tried_again(bench: VertexBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("fails", 1, version(store, 1))
    bench.fake.fails = "The container did not become healthy."
    try:
        with pytest.raises(Invalid, match=r"Vertex AI says: The container did not become healthy\."):
            applied(backend, plan)
    finally:
        bench.fake.fails = ""
    assert not backend.observe("fails").variants
    applied(backend, plan)
    require_converged(backend, plan)


def test_change_between_look_and_write_is_a_conflict(bench: VertexBench) -> None:
    """The etag holds where somebody is faster than we are, not only where he was before us."""
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("raced", 1, version(store, 1)))
    seen = backend.observe("raced").etag
    patched = bench.fake.endpoints_patch

    def faster(parts: list[str], query: dict[str, str], body: Any) -> Any:
        bench.fake.touched(bench.fake.endpoints["raced"])
        return patched(parts, query, body)

    bench.fake.endpoints_patch = faster  # type: ignore[method-assign]
    try:
        with pytest.raises(Conflict, match="The etag does not match"):
            backend.apply(desired("raced", 2, version(store, 2)), op=op(), expect_etag=seen)
    finally:
        del bench.fake.endpoints_patch
    require_converged(backend, desired("raced", 1, version(store, 1)))


def test_older_plan_stops_when_a_newer_one_claims_the_endpoint(bench: VertexBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("claimed", 1, version(store, 1)))
    older = backend.apply(desired("claimed", 2, version(store, 2)), op=op())
    backend.poll(older.handle or "")
    newer = desired("claimed", 3, version(store, 1))
    applied(backend, newer)
    with pytest.raises(Conflict, match="already at revision 3"):
        settle(backend, older)
    require_converged(backend, newer)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"artifactUri": "gs://elsewhere/model"}, "It reads its model from a place that is not the approved one."),
        ({"displayName": "other"}, "The displayName of its model is not as it was registered."),
    ],
)
def test_model_that_is_not_as_registered_is_seen(bench: VertexBench, change: dict[str, str], reason: str) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("altered", 1, version(store, 1)))
    number = bench.deployed("altered")[0]["model"].rpartition("/")[2]
    before = dict(bench.fake.models[number])
    bench.fake.models[number] |= change
    seen = backend.observe("altered").variants[0]
    bench.fake.models[number] |= before
    assert (seen.ready, seen.reason) == (False, reason)


def test_weights_changed_by_hand_are_drift(bench: VertexBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    one, two = version(store, 1), version(store, 2)
    variants = (Variant(Role.CHAMPION, one, 9_000), Variant(Role.CHALLENGER, two, 1_000))
    applied(backend, desired("weighed", 1, one, variants=variants))
    split = bench.fake.endpoints["weighed"]["trafficSplit"]
    split |= dict.fromkeys(split, 50)
    assert {v.weight_bp for v in backend.observe("weighed").variants} == {5_000}


def test_endpoint_of_somebody_else_stays(bench: VertexBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("theirs", 1, version(store, 1)))
    bench.fake.endpoints["theirs"]["labels"] = {"team": "pricing"}
    with pytest.raises(Conflict, match="The endpoint theirs belongs to somebody else"):
        backend.apply(desired("theirs", 2, version(store, 2)), op=op())
    assert deleted(backend, "theirs").done
    assert "theirs" in bench.fake.endpoints


def test_identity_of_the_platform_serves_where_no_key_is_named(
    bench: VertexBench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "account.json"
    place.write_text(bench.fake.key)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(place))
    config = {name: value for name, value in bench.config.items() if name not in {"key_secret", "batches"}}
    assert connector("vertex", config, {}, MemoryStore()).check().endswith(".")
    place.write_text("{}")
    with pytest.raises(AuthFailed, match="or there are none here"):
        connector("vertex", config, {}, MemoryStore()).check()


def test_the_fake_refuses_what_the_document_does_not_know(bench: VertexBench) -> None:
    """A fake that accepts anything would prove nothing."""
    kind = "GoogleCloudAiplatformV1Endpoint"
    bench.fake.require({"displayName": "a", "trafficSplit": {"1": 100}}, kind)
    for body in ({"colour": "red"}, {"createTime": "now"}, {"trafficSplit": {"1": "100"}}, {"labels": ["a"]}):
        with pytest.raises(Fault):
            bench.fake.require(body, kind)
    for verb, path, query in (
        ("PUT", "endpoints/a", {}),
        ("GET", "endpoints/a:dance", {}),
        ("GET", "endpoints", {"a": "b"}),
    ):
        with pytest.raises(Fault):
            bench.fake.discovered.method(verb, f"/v1/{PLACE}/{path}", query)


@pytest.mark.skipif("MRM_LIVE_VERTEX" not in os.environ, reason="needs a project: MRM_LIVE_VERTEX")
def test_live() -> None:
    """MRM_LIVE_VERTEX holds configuration and secrets as JSON; version 1 must lie in its storage."""
    given = json.loads(os.environ["MRM_LIVE_VERTEX"])
    store = MemoryStore()
    backend = connector("vertex", given["config"], given["secrets"], store)
    plan = desired("mrm-live-test", 1, version(store, 1))
    try:
        applied(backend, plan, seconds=3600)
        require_converged(backend, plan)
    finally:
        deleted(backend, "mrm-live-test")
