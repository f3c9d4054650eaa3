"""The Ray connector keeps the contract against a real Ray Serve."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mrm.connectors.protocol import Conflict, Invalid
from tests.connectors.bench import Bench, applied, deleted, desired, op, settle, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.faults import FaultyProxy
from tests.connectors.ray_server import PROGRAM, RayServer
from tests.connectors.store import MemoryStore
from tests.gateway.models import request

pytestmark = pytest.mark.xdist_group("ray")


class RayBench(Bench):
    id = "ray"
    predicts_versions = True
    seconds, warm_up = 5.0, 60.0
    crowded = True  # every application costs a process

    def __init__(self, server: RayServer, url: str, token: str) -> None:
        self.server, self.secret = server, token
        self.config = {
            "base_url": url,
            "serve_url": server.serve_url,
            "folder": str(server.folder),
            "import_path": PROGRAM,
            "token_secret": "ray",
        }
        self.secrets = {"ray": token}

    def told(self, endpoint: str) -> Any:
        return self.server.get()[endpoint]["deployed_app_config"]

    def disturb(self, endpoint: str) -> None:
        """Somebody tells Ray to serve version 1 again, and keeps all else."""
        applications = self.server.told()
        first = version(MemoryStore(), 1)
        for application in applications:
            told = application["deployments"][0]["user_config"]["mrm"]
            if told["endpoint"] == endpoint:
                folder = str(self.server.folder / first.artifact.digest)
                told |= {"version": "1", "digest": first.artifact.digest, "folder": folder}
        self.server.put({"applications": applications})

    def tamper(self, endpoint: str) -> None:
        digest = self.told(endpoint)["deployments"][0]["user_config"]["mrm"]["digest"]
        (self.server.folder / digest / "model.onnx").write_bytes(b"other bytes")


@pytest.fixture(scope="module")
def bench() -> Iterator[RayBench]:
    server = RayServer()
    token = secrets.token_urlsafe(16)
    try:
        server.start()
        with FaultyProxy(server.url, token=token) as door:  # Ray knows no credentials
            yield RayBench(server, door.url, token)
    finally:
        server.stop()


class TestRay(ConnectorContract):
    pass


def test_program_that_cannot_be_loaded_is_an_error_though_ray_said_yes(bench: RayBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store, import_path="no.such.program:app")
    started = backend.apply(desired("broken", 1, version(store, 1)), op=op())
    assert not started.done
    with pytest.raises(Invalid, match=r"broken does not run\. Ray says DEPLOY_FAILED"):
        settle(backend, started)
    deleted(backend, "broken")


def test_applications_of_others_are_refused_or_kept(bench: RayBench) -> None:
    """A change replaces everything, so it is refused unless the operator says that others are there."""
    theirs = {"name": "theirs", "route_prefix": "/theirs", "import_path": PROGRAM}
    theirs["deployments"] = [{"name": "Model", "user_config": {"hello": "world"}}]  # type: ignore[assignment]
    ours = bench.server.told()
    bench.server.put({"applications": [*ours, theirs]})
    store = MemoryStore()
    plan = desired("beside", 1, version(store, 1))
    with pytest.raises(Conflict, match="The application theirs in this Ray cluster is not ours"):
        bench.connector(store).apply(plan, op=op())
    backend = bench.connector(store, shared=True)
    applied(backend, plan)
    require_converged(backend, plan)
    assert bench.told("theirs")["deployments"][0]["user_config"] == {"hello": "world"}
    deleted(backend, "beside")
    assert "theirs" in bench.server.get()
    bench.server.put({"applications": ours})
    while "theirs" in bench.server.get():
        time.sleep(0.2)


def test_switch_keeps_the_replica(bench: RayBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    for number in (1, 2):
        applied(backend, desired("switched", number, version(store, number)))
        assert backend.predict("switched", None, request(), timeout=bench.warm_up)["model_version"] == str(number)
    deleted(backend, "switched")
