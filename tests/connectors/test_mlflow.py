"""The MLflow connector keeps the contract against a real MLflow server."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from mrm.connectors.protocol import Conflict, Desired, Unsupported, VersionRef
from tests.connectors.bench import Bench, desired, op, version
from tests.connectors.contract import ConnectorContract, require_converged
from tests.connectors.mlflow_server import USER, MlflowServer
from tests.connectors.store import MemoryStore
from tests.gateway.models import FEATURES, ROWS, matrix, request

pytestmark = pytest.mark.xdist_group("mlflow")


class MlflowBench(Bench):
    id = "mlflow"
    reads = r"/(runs/search|model-versions/search)$"
    seconds = 3.0

    def __init__(self, server: MlflowServer) -> None:
        self.server, self.secret = server, server.password
        self.config = {"base_url": server.url, "username": USER, "password_secret": "registry"}
        self.secrets = {"registry": server.password}

    def folder(self, endpoint: str) -> str:
        """Where the server keeps the files of the version behind the alias."""
        where = f"mlflow/registered-models/alias?name={endpoint}&alias=champion"
        source: str = self.server.call("GET", where).json()["model_version"]["source"]
        return source.removeprefix("mlflow-artifacts:/")

    def disturb(self, endpoint: str) -> None:
        self.move(endpoint, "1")

    def move(self, endpoint: str, number: str) -> None:
        body = {"name": endpoint, "alias": "champion", "version": number}
        self.server.call("POST", "mlflow/registered-models/alias", json=body)

    def tamper(self, endpoint: str) -> None:
        self.put(endpoint, "model.onnx", b"other bytes")

    def put(self, endpoint: str, name: str, content: bytes) -> None:
        path = f"mlflow-artifacts/artifacts/{self.folder(endpoint)}/{name}"
        self.server.call("PUT", path, content=content)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    running = MlflowServer(tmp_path_factory.mktemp("mlflow"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def bench(server: MlflowServer) -> MlflowBench:
    return MlflowBench(server)


class TestMlflow(ConnectorContract):
    pass


def test_version_carries_digest_revision_and_approval(bench: MlflowBench) -> None:
    store = MemoryStore()
    backend, first = bench.connector(store), version(store, 1)
    for revision in (1, 2):
        backend.apply(desired("tagged", revision, first), op=op())
    where = "mlflow/registered-models/alias?name=tagged&alias=champion"
    found = bench.server.call("GET", where).json()["model_version"]
    tags = {tag["key"]: tag["value"] for tag in found["tags"]}
    assert found["version"] == "1"
    assert found["source"].endswith(f"/{first.artifact.digest}")
    assert tags["mrm.digest"] == first.artifact.digest
    assert (tags["mrm.revision"], tags["mrm.approval"]) == ("2", "approval-1")


@pytest.mark.parametrize("name", ["MLmodel", "extra.py"])
def test_files_beside_the_model_count(bench: MlflowBench, name: str) -> None:
    """What MLflow loads is decided by MLmodel, so a change there is a change of the model."""
    endpoint = f"beside-{name.lower().replace('.', '-')}"
    store = MemoryStore()
    backend, plan = bench.connector(store), desired(endpoint, 1, version(store, 1))
    backend.apply(plan, op=op())
    bench.put(endpoint, name, b"flavors: {}")
    seen = backend.observe(endpoint).variants[0]
    assert seen.reason or seen.digest != plan.champion.artifact.digest


def test_foreign_version_is_unmanaged(bench: MlflowBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("rogue", 1, version(store, 1))
    backend.apply(plan, op=op())
    body = {"name": "rogue", "source": "s3://bucket/elsewhere"}
    bench.server.call("POST", "mlflow/model-versions/create", json=body)
    bench.move("rogue", "2")
    seen = backend.observe("rogue").variants[0]
    assert (seen.version, seen.managed, seen.digest, seen.ready) == ("2", False, None, False)
    assert seen.reason == "The files lie outside the tracking server and cannot be read back."
    backend.apply(plan, op=op())
    require_converged(backend, plan)
    backend.delete("rogue", op=op())
    left = bench.server.call("GET", "mlflow/registered-models/get?name=rogue").json()
    assert [v["version"] for v in left["registered_model"]["latest_versions"]] == ["2"]


def test_a_model_of_others_is_told_by_its_onnx_file_and_taken_over_when_that_was_seen(bench: MlflowBench) -> None:
    store = MemoryStore()
    backend, ours = bench.connector(store), desired("logged", 1, version(store, 1))
    other = bench.connector(store)
    other.apply(desired("source", 1, version(store, 1)), op=op())
    found = bench.server.call("GET", "mlflow/model-versions/get?name=source&version=1").json()["model_version"]
    bench.server.call("POST", "mlflow/registered-models/create", json={"name": "logged"})
    body = {"name": "logged", "source": found["source"], "run_id": found["run_id"]}
    bench.server.call("POST", "mlflow/model-versions/create", json=body)
    bench.move("logged", "1")
    seen, planned = backend.adopt("logged"), backend.observe("logged").fingerprint()
    assert [(v.managed, v.digest) for v in seen.variants] == [(False, ours.champion.artifact.digest)]
    with pytest.raises(Conflict, match="Someone else uses the alias champion"):
        backend.apply(ours, op=op())
    backend.apply(ours, op=replace(op(), seen=planned))
    require_converged(backend, ours)
    for name in ("logged", "source"):
        backend.delete(name, op=op())


def test_foreign_alias_is_not_taken_over(bench: MlflowBench) -> None:
    bench.server.call("POST", "mlflow/registered-models/create", json={"name": "theirs"})
    body = {"name": "theirs", "source": "s3://bucket/theirs"}
    bench.server.call("POST", "mlflow/model-versions/create", json=body)
    bench.move("theirs", "1")
    store = MemoryStore()
    with pytest.raises(Conflict, match="Someone else uses the alias champion"):
        bench.connector(store).apply(desired("theirs", 1, version(store, 1)), op=op())


def test_inventory_reads_aliases_from_the_model(bench: MlflowBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    for number in (1, 2):
        backend.apply(desired("it's listed", number, version(store, number)), op=op())
    found = {i.version: i.aliases for i in backend.list_models().items if i.name == "it's listed"}
    assert found == {"1": (), "2": ("champion",)}


def test_scoring_server_answers_and_claims_no_version(bench: MlflowBench) -> None:
    store = MemoryStore()
    plain = version(store, 1)
    named = VersionRef("credit", "1", plain.artifact, "a", plain.approved_digest, FEATURES)
    bench.connector(store).apply(desired("scored", 1, named), op=op())
    backend = bench.connector(store, scoring_url=bench.server.serve("scored@champion"))
    by_matrix = backend.predict("scored", None, request(), timeout=10)
    tensors = [
        {"name": n, "datatype": "FP32", "shape": [2], "data": [row[i] for row in ROWS]} for i, n in enumerate(FEATURES)
    ]
    by_feature = backend.predict("scored", None, {"inputs": tensors[::-1]}, timeout=10)
    for answer in (by_matrix, by_feature):
        outputs = {item["name"]: item for item in answer["outputs"]}
        assert outputs["probabilities"]["shape"] == [2, 2]
        found = np.array(outputs["probabilities"]["data"]).reshape(2, 2)
        np.testing.assert_allclose(found, matrix(1).probabilities(ROWS), atol=1e-6)
        assert "model_version" not in answer
        assert answer["parameters"] == {
            "declared_version": "1",
            "declared_digest": plain.artifact.digest,
        }
    with pytest.raises(Unsupported, match="by a named version"):
        backend.predict("scored", "1", request(), timeout=10)


def test_crash_before_the_version_was_registered(bench: MlflowBench) -> None:
    """Files are there, the version is not: the next attempt uses them and registers once."""
    store = MemoryStore()
    backend = bench.connector(store)
    plan: Desired = desired("crashed", 1, version(store, 1))
    backend.apply(plan, op=op())
    body = {"name": "crashed", "version": "1"}
    bench.server.call("DELETE", "mlflow/model-versions/delete", json=body)
    assert not backend.observe("crashed").exists
    backend.apply(plan, op=op())
    backend.apply(plan, op=op())
    require_converged(backend, plan)
    assert [i.version for i in backend.list_models().items if i.name == "crashed"] == ["2"]
