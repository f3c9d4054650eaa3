"""The embedded connector keeps the contract against the real gateway."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from mrm.connectors.protocol import (
    Conflict,
    Connector,
    ConnectorError,
    Invalid,
    Observed,
    OnWithdrawn,
    Role,
    Serving,
    Variant,
    VersionRef,
)
from mrm.core.envelope import new_key, public_of
from tests.connectors.bench import Bench, desired, op, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.store import MemoryStore
from tests.gateway.models import FEATURES, request
from tests.gateway.process import GatewayProcess


class GatewayBench(Bench):
    id = "embedded"
    predicts_versions = True

    def __init__(self, gateway: GatewayProcess) -> None:
        self.gateway = gateway
        self.secret = gateway.token
        self.config = {"base_url": gateway.url, "token_secret": "gateway"}
        self.secrets = {"gateway": gateway.token}

    def state(self, endpoint: str) -> dict[str, Any]:
        return self.gateway.call("GET", f"/control/endpoints/{endpoint}").json()

    def disturb(self, endpoint: str) -> None:
        state = self.state(endpoint)
        first = version(MemoryStore(), 1)
        changed = state["variants"][0] | {"version": "1", "digest": first.artifact.digest}
        answer = self.gateway.apply(endpoint, changed, revision=state["revision"])
        assert answer.is_success, answer.text

    def tamper(self, endpoint: str) -> None:
        self.gateway.tamper(self.state(endpoint)["variants"][0]["digest"])


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayBench]:
    gateway = GatewayProcess(tmp_path_factory.mktemp("gateway")).start()
    yield GatewayBench(gateway)
    gateway.stop()


class TestEmbedded(ConnectorContract):
    def test_canary(self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef) -> None:
        """Each step is read back, and whoever has the new version keeps it."""
        had: set[str] = set()
        for revision, share in enumerate((500, 2_500, 10_000), start=1):
            variants = (Variant(Role.CHAMPION, one, 10_000 - share), Variant(Role.CHALLENGER, two, share))
            plan = desired(endpoint, revision, one, variants=variants)
            backend.apply(plan, op=op())
            require_converged(backend, plan)
            have = {unit for unit in map(str, range(60)) if _version_for(backend, endpoint, unit) == "2"}
            assert had <= have
            had = have
        assert len(had) == 60


def _version_for(backend: Connector, endpoint: str, unit: str) -> str:
    found = backend.predict(endpoint, None, request(parameters={"unit": unit}), timeout=5)
    return str(found["model_version"])


def test_tampered_file_is_healed_after_a_restart(tmp_path: Any) -> None:
    gateway = GatewayProcess(tmp_path).start()
    try:
        store = MemoryStore()
        plan = desired("credit", 1, version(store, 1))
        GatewayBench(gateway).connector(store).apply(plan, op=op())
        gateway.tamper(plan.champion.artifact.digest)
        gateway.restart()
        backend = GatewayBench(gateway).connector(store)
        seen = backend.observe("credit").variants[0]
        assert (seen.ready, seen.digest) == (False, None)
        assert "was changed and is refused" in seen.reason
        backend.apply(plan, op=op())
        assert backend.observe("credit").variants[0].ready
    finally:
        gateway.stop()


def test_approvals_are_told_and_signed(tmp_path: Any) -> None:
    private = new_key()
    (tmp_path / "route.pem").write_bytes(public_of(private))
    gateway = GatewayProcess(tmp_path).start("--route-key", str(tmp_path / "route.pem"))
    try:
        store = MemoryStore()
        plan = desired("credit", 1, version(store, 1), serving=Serving(on_withdrawn=OnWithdrawn.STOP))
        bench = GatewayBench(gateway)
        with pytest.raises(Invalid, match="takes only what its control plane has signed"):
            bench.connector(store).apply(plan, op=op())
        bench.config |= {"signing_secret": "key"}
        bench.secrets |= {"key": private.decode()}
        backend = bench.connector(store)
        backend.apply(plan, op=op())
        require_converged(backend, plan)
        at = datetime(2026, 11, 1, tzinfo=UTC)
        told = backend.tell_approval("approval-1", "withdrawn", at=at, reason="A finding was opened.", op=op())
        assert told.message == "The gateway knows that the approval is withdrawn."
        with pytest.raises(ConnectorError, match="The approval approval-1 is withdrawn since 2026-11-01 00:00:00 UTC"):
            backend.predict("credit", None, request(), timeout=5)
        with pytest.raises(Conflict, match="No version of credit is passed over"):
            backend.fail_back("credit", person="Rita Risk", reason="Repaired.", op=op())
    finally:
        gateway.stop()


def test_split_by_unit(bench: GatewayBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    variants = (
        Variant(Role.CHAMPION, version(store, 1), 5_000),
        Variant(Role.CHALLENGER, version(store, 2), 5_000),
    )
    backend.apply(desired("by-unit", 1, version(store, 1), variants=variants), op=op())
    units = [request(parameters={"unit": f"customer-{i}"}) for i in range(40)]
    found = [backend.predict("by-unit", None, body, timeout=5)["model_version"] for body in units]
    assert set(found) == {"1", "2"}
    with pytest.raises(Invalid, match="splits its traffic"):
        backend.predict("by-unit", None, request(), timeout=5)


def test_features_reach_the_gateway(bench: GatewayBench) -> None:
    store = MemoryStore()
    plain = version(store, 1)
    named = VersionRef("credit", "1", plain.artifact, "a", plain.approved_digest, FEATURES)
    backend = bench.connector(store)
    backend.apply(desired("named", 1, named), op=op())
    inputs = [{"name": n, "datatype": "FP32", "shape": [1], "data": [1.0]} for n in FEATURES]
    assert backend.predict("named", None, {"inputs": inputs}, timeout=5)["model_version"] == "1"


def test_bad_input_is_a_sentence(bench: GatewayBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    backend.apply(desired("bad-input", 1, version(store, 1)), op=op())
    body = {"inputs": [{"name": "Y", "datatype": "FP32", "shape": [1], "data": [1.0]}]}
    with pytest.raises(Invalid, match=r"The model has no input Y; it takes X\."):
        backend.predict("bad-input", None, body, timeout=5)


def test_gateway_state_survives_its_clients(bench: GatewayBench) -> None:
    store = MemoryStore()
    bench.connector(store).apply(desired("kept", 1, version(store, 1)), op=op())
    assert bench.connector().observe("kept") != Observed(exists=False)
