"""The Vertex AI connector keeps the contract against a fake that is held to Google's discovery document."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mrm.connectors.protocol import AuthFailed, Conflict, Invalid, Role, Variant
from mrm.connectors.registry import connector
from tests.connectors.bench import Bench, applied, deleted, desired, op, settle, version
from tests.connectors.cloud_fake import Fault
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.store import MemoryStore
from tests.connectors.vertex_fake import PLACE, FakeVertex


class VertexBench(Bench):
    id = "vertex"
    poll_seconds = 0.01

    def __init__(self, fake: FakeVertex) -> None:
        self.fake, self.secret = fake, fake.secret
        self.config = {
            "project": "bank",
            "location": "europe-west4",
            "storage": "gs://models/approved",
            "image": "europe-docker.pkg.dev/bank/serving/onnx@sha256:" + "a" * 64,
            "predict_route": "/v2/models/model/infer",
            "health_route": "/v2/health/ready",
            "machine_type": "n2-standard-2",
            "key_secret": "account",
            "base_url": fake.url,
        }
        self.secrets = {"account": fake.key}

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
    pass


def test_new_version_starts_before_the_traffic_moves(bench: VertexBench) -> None:
    """Nobody is without an answer: claim, model, machines, then all of the traffic, then the end of the old one."""
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("in-order", 1, version(store, 1)))
    bench.fake.requests.clear()
    bench.fake.models.clear()
    applied(backend, desired("in-order", 2, version(store, 2)))
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
    config = {name: value for name, value in bench.config.items() if name != "key_secret"}
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
