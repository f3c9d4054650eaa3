"""The OIP connector keeps the contract against a real MLServer."""

import json
import secrets
import shutil
from collections.abc import Iterator

import httpx
import pytest

from mrm.connectors.protocol import Cap, Conflict, Invalid, Transient, Unsupported
from tests.connectors.bench import Bench, applied, desired, op, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.faults import FaultyProxy
from tests.connectors.mlserver_server import RUNTIME, MlServer
from tests.connectors.store import MemoryStore
from tests.gateway.models import request
from tests.gateway.process import GatewayProcess

pytestmark = pytest.mark.xdist_group("mlserver")


class OipBench(Bench):
    id = "oip"
    predicts_versions = True
    reads = r"/(repository/index|infer)$"

    def __init__(self, server: MlServer, url: str, token: str) -> None:
        self.server, self.secret = server, token
        self.config = {
            "base_url": url,
            "repository": str(server.repository),
            "implementations": {"onnx": RUNTIME},
            "token_secret": "server",
        }
        self.secrets = {"server": token}

    def served(self, endpoint: str) -> str:
        return next(
            mark.parent.name
            for mark in self.server.repository.glob("*/mrm.json")
            if json.loads(mark.read_text())["endpoint"] == endpoint
        )

    def disturb(self, endpoint: str) -> None:
        """Somebody puts the bytes and settings of version 1 where version 2 is, and loads them."""
        folder = self.server.repository / self.served(endpoint)
        settings = json.loads((folder / "model-settings.json").read_text())
        settings["parameters"]["version"] = "1"
        (folder / "model-settings.json").write_text(json.dumps(settings))
        store = MemoryStore()
        (folder / "artifact" / "model.onnx").write_bytes(store.contents[version(store, 1).artifact.digest])
        self.call("POST", f"/v2/repository/models/{folder.name}/load")

    def tamper(self, endpoint: str) -> None:
        (self.server.repository / self.served(endpoint) / "artifact" / "model.onnx").write_bytes(b"other bytes")

    def call(self, method: str, path: str) -> httpx.Response:
        answer = httpx.request(method, self.server.url + path, timeout=20, trust_env=False)
        assert answer.is_success, answer.text
        return answer


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OipBench]:
    server = MlServer(tmp_path_factory.mktemp("mlserver"))
    token = secrets.token_urlsafe(16)
    try:
        server.start()
        with FaultyProxy(server.url, token=token) as door:  # MLServer knows no credentials
            yield OipBench(server, door.url, token)
    finally:
        server.stop()


class TestOip(ConnectorContract):
    pass


def test_one_version_is_loaded_after_a_switch(bench: OipBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    for number in (1, 2):
        applied(backend, desired("switched", number, version(store, number)))
    index = bench.server.url + "/v2/repository/index"
    names = {item["name"] for item in httpx.post(index, json={}, trust_env=False).json()}
    assert {name for name in names if name.startswith("switched")} == {"switched--v2"}
    with pytest.raises(AssertionError, match="not found"):
        bench.call("GET", "/v2/models/switched--v1/ready")


def test_settings_that_run_other_code_are_seen(bench: OipBench) -> None:
    """Whoever may write the folder may name any class: that is drift, even with the right bytes."""
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("other-code", 1, version(store, 1))
    applied(backend, plan)
    place = bench.server.repository / "other-code--v1" / "model-settings.json"
    settings = json.loads(place.read_text()) | {"implementation": "mlserver.model.MLModel"}
    place.write_text(json.dumps(settings))
    seen = backend.observe("other-code").variants[0]
    assert (seen.ready, seen.reason) == (
        False,
        "The version is run by mlserver.model.MLModel, which nobody configured.",
    )


def test_unloaded_by_hand_is_seen_though_the_index_says_ready(bench: OipBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("unloaded", 1, version(store, 1)))
    bench.call("POST", "/v2/repository/models/unloaded--v1/unload")
    seen = backend.observe("unloaded").variants[0]
    assert (seen.ready, seen.reason) == (False, "The server has not loaded this version.")


def test_folder_of_somebody_else_is_not_taken(bench: OipBench) -> None:
    theirs = bench.server.repository / "theirs--v1"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    store = MemoryStore()
    with pytest.raises(Conflict, match="Somebody else keeps a model named theirs--v1"):
        bench.connector(store).apply(desired("theirs", 1, version(store, 1)), op=op())
    assert (theirs / "notes.txt").read_text() == "mine"
    shutil.rmtree(theirs)


def test_format_without_a_runtime_is_refused_by_name(bench: OipBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store, implementations={})
    with pytest.raises(Invalid) as caught:
        backend.apply(desired("no-runtime", 1, version(store, 1)), op=op())
    assert caught.value.message == (
        "No runtime is configured for onnx; there is one for lightgbm, xgboost. Name it under implementations."
    )


def test_bytes_that_cannot_be_loaded_leave_the_version_before(bench: OipBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("broken", 1, version(store, 1)))
    artifact = store.add(b"these are no model")
    broken = desired("broken", 2, version(store, 2))
    bad = type(broken.champion)("credit", "2", artifact, "a", artifact.digest)
    with pytest.raises((Invalid, Transient)):
        backend.apply(desired("broken", 2, bad), op=op())
    assert backend.observe("broken").variants[0].version == "1"
    assert backend.predict("broken", None, request(), timeout=5)["model_version"] == "1"


def test_without_a_folder_it_watches_any_server(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Our own gateway speaks the protocol too; nothing of it can be changed this way."""
    gateway = GatewayProcess(tmp_path_factory.mktemp("watched")).start()
    try:
        bench = OipBench.__new__(OipBench)
        bench.config = {"base_url": gateway.url, "token_secret": "gateway"}
        bench.secrets = {"gateway": gateway.token}
        backend = bench.connector()
        assert Cap.DEPLOY not in backend.caps
        assert "model_repository" in backend.check()
        assert not backend.observe("credit").exists
        store = MemoryStore()
        with pytest.raises(Unsupported, match="without a repository folder"):
            backend.apply(desired("credit", 1, version(store, 1)), op=op())
    finally:
        gateway.stop()
