"""The Azure ML connector keeps the contract against a fake that is held to Azure's own models."""

import contextlib
import copy
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from mrm.connectors.protocol import (
    AuthFailed,
    Cap,
    Conflict,
    Connector,
    Invalid,
    NotFound,
    NotYet,
    Role,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import connector
from tests.connectors.azureml_batch_fake import ACCOUNT, CONTAINER
from tests.connectors.azureml_fake import SUBSCRIPTION, TENANT, WORKSPACE, FakeAzure
from tests.connectors.batches import FIRST, SECOND, a_batch, ended, fetched, staged, submitted
from tests.connectors.bench import Bench, applied, deleted, desired, op, version
from tests.connectors.cloud_fake import Fault
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.store import MemoryStore
from tests.gateway.models import matrix


class AzuremlBench(Bench):
    id = "azureml"
    poll_seconds = 0.01
    most_mirrored = 5_000

    def __init__(self, fake: FakeAzure) -> None:
        self.fake, self.secret = fake, fake.secret
        self.config = {
            "subscription": SUBSCRIPTION,
            "resource_group": "models",
            "workspace": "credit",
            "location": "westeurope",
            "storage": f"https://{ACCOUNT}.blob.core.windows.net/approved/models",
            "batches": f"https://{ACCOUNT}.blob.core.windows.net/{CONTAINER}/mrm",
            "cluster": "batch-cluster",
            "environment": f"{WORKSPACE}/environments/onnx/versions/7",
            "instance_type": "Standard_DS3_v2",
            "tenant": TENANT,
            "client_id": fake.id,
            "client_secret": "application",
            "authority": fake.url,
            "base_url": fake.url,
            "jobs_url": f"{fake.url}/mfe",
            "storage_url": fake.url,
        }
        self.secrets = {"application": fake.secret}
        self.seen: dict[str, dict[str, Any]] = {}

    def lies(self, version: VersionRef) -> str:
        """The operator's part: the bytes of a version in the folder of its digest."""
        name = f"approved/models/{version.artifact.digest}/model.onnx"
        self.fake.batches.blobs.write(name, matrix(int(version.version)).content)
        return name

    def disturb(self, endpoint: str) -> None:
        """Somebody starts version 1 again in the studio, and gives it the traffic."""
        other = self.connector(store := MemoryStore())
        name, found = "elsewhere", self.fake.deployments
        applied(other, desired(name, 1, version(store, 1)))
        for made, one in found[name].items():
            found[endpoint][made] = copy.deepcopy(one)
            self.fake.endpoints[endpoint]["properties"]["traffic"] = {made: 100}


@pytest.fixture(scope="module")
def bench() -> Iterator[AzuremlBench]:
    with FakeAzure() as fake:
        yield AzuremlBench(fake)


class TestAzureml(ConnectorContract):
    def test_batch(self, bench: AzuremlBench, backend: Connector, endpoint: str, one: VersionRef) -> None:
        """The champion scores a data set: a cluster runs our script over the approved bytes, once."""
        applied(backend, desired(endpoint, 1, one))
        bench.lies(one)
        batch = a_batch(one)
        with pytest.raises(NotFound, match="No rows of the batch"):
            backend.submit_batch(endpoint, batch, op=op())
        files = staged(backend, batch, [FIRST, SECOND])
        assert backend.find_batch(endpoint, batch) is None
        with pytest.raises(NotYet, match="Azure makes the endpoint for batches"):
            backend.submit_batch(endpoint, batch, op=op())
        asked = submitted(backend, endpoint, batch)
        said = f"Version {one.version}, digest {one.artifact.digest}."
        assert (asked.done, asked.digest, asked.message) == (
            False,
            one.artifact.digest,
            f"Azure says NotStarted. {said}",
        )
        again, found = backend.submit_batch(endpoint, batch, op=op()), backend.find_batch(endpoint, batch)
        assert found is not None
        assert asked.job == again.job == found.job
        assert asked.handle == again.handle == found.handle
        assert len(bench.fake.batches.jobs) == 1
        assert backend.poll_batch(asked.handle).message == "Azure says Running."
        done = ended(backend, asked)
        assert (done.digest, done.message) == (one.artifact.digest, f"Azure says Completed. {said}")
        assert backend.cancel_batch(asked.handle, op=op()).message == "Azure says Completed."
        told = [line for file in files for line in fetched(backend, batch, file)]
        rows = [[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 1.5, -1.5], [0.0, 1.0, 0.0, 0.0]]
        wanted = [each[1] for each in matrix(int(one.version)).probabilities(rows)]
        assert [place for place, _ in told] == ["0", "1", "2"]
        assert [float(score) for _, score in told] == pytest.approx(wanted, abs=1e-6)
        backend.clear_batch(batch, [file.name for file in files], op=op())
        backend.clear_batch(batch, [file.name for file in files], op=op())
        assert bench.fake.batches.blobs.below(f"{CONTAINER}/mrm/{batch.key}/") == []
        deleted(backend, endpoint)
        assert bench.fake.batches.endpoints == {}


def test_new_version_starts_before_the_traffic_moves(bench: AzuremlBench) -> None:
    """Nobody is without an answer: first the new deployment, then all of the traffic, then the end of the old one."""
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("in-order", 1, version(store, 1)))
    bench.fake.requests.clear()
    applied(backend, desired("in-order", 2, version(store, 97)))  # that no other test registered
    place = f"{WORKSPACE}/onlineEndpoints/in-order"
    changes = [line.replace(place, "") for line in bench.fake.requests if not line.startswith("GET")]
    kinds = [(line.split()[0], "/models/" in line, "/deployments/" in line) for line in changes]
    assert kinds == [("PUT", True, False), ("PUT", False, True), ("PUT", False, False), ("DELETE", False, True)]
    assert [number for _, number in bench.fake.named("in-order")] == ["97"]


def test_failed_deployment_is_told_and_a_new_apply_tries_it_again(bench: AzuremlBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("fails", 1, version(store, 1))
    result = backend.apply(plan, op=op())
    while not bench.fake.deployments["fails"]:
        assert result.handle is not None
        result = backend.poll(result.handle)
    assert result.handle is not None
    for found in bench.fake.deployments["fails"].values():
        found["properties"]["provisioningState"] = "Failed"
    with pytest.raises(Invalid, match=r"Azure says Failed of version 1; its log in the workspace tells why\."):
        backend.poll(result.handle)
    applied(backend, plan)
    require_converged(backend, plan)


def test_deployment_changed_by_hand_is_seen_and_healed(bench: AzuremlBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("by-hand", 1, version(store, 1))
    applied(backend, plan)
    for found in bench.fake.deployments["by-hand"].values():
        found["sku"]["capacity"] = 3  # scaled by whoever scales: no drift
        require_converged(backend, plan)
        found["properties"]["environmentId"] = "/environments/other/versions/1"
    seen = backend.observe("by-hand").variants[0]
    assert (seen.ready, seen.reason) == (False, "Its properties.environmentId is not as it was deployed.")
    applied(backend, plan)
    require_converged(backend, plan)


def test_model_at_another_place_is_seen(bench: AzuremlBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("moved", 1, version(store, 1))
    applied(backend, plan)
    for found in bench.fake.models.values():
        found["properties"]["modelUri"] = "https://elsewhere.example/model"
    reason = backend.observe("moved").variants[0].reason
    with pytest.raises(Conflict, match=r"holds the registered model of this version with another properties\.modelUri"):
        applied(backend, plan)
    bench.fake.models.clear()
    assert reason == "It reads its model from a place that is not the approved one."
    applied(backend, plan)
    require_converged(backend, plan)


def test_weights_changed_by_hand_are_drift(bench: AzuremlBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    one, two = version(store, 1), version(store, 2)
    variants = (Variant(Role.CHAMPION, one, 9_000), Variant(Role.CHALLENGER, two, 1_000))
    applied(backend, desired("weighed", 1, one, variants=variants))
    traffic = bench.fake.endpoints["weighed"]["properties"]["traffic"]
    traffic |= dict.fromkeys(traffic, 50)
    assert {v.weight_bp for v in backend.observe("weighed").variants} == {5_000}


def test_more_than_half_is_not_mirrored(bench: AzuremlBench) -> None:
    store = MemoryStore()
    variants = (
        Variant(Role.CHAMPION, version(store, 1), 10_000),
        Variant(Role.SHADOW, version(store, 2), 0, 6_000),
    )
    with pytest.raises(Invalid, match=r"Azure mirrors 50 % of the requests at most, not 60 %\."):
        bench.connector(store).apply(desired("mirrored", 1, version(store, 1), variants=variants), op=op())


def test_endpoint_and_deployment_of_somebody_else_stay(bench: AzuremlBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("theirs", 1, version(store, 1)))
    bench.fake.endpoints["theirs"]["tags"] = {"team": "pricing"}
    with pytest.raises(Conflict, match="The endpoint theirs belongs to somebody else"):
        backend.apply(desired("theirs", 2, version(store, 2)), op=op())
    assert deleted(backend, "theirs").done
    assert "theirs" in bench.fake.endpoints
    del bench.fake.endpoints["theirs"]


def test_token_is_asked_for_once_and_again_when_it_is_withdrawn(bench: AzuremlBench) -> None:
    backend, before = bench.connector(), len(bench.fake.tokens)
    backend.check()
    backend.check()
    assert len(bench.fake.tokens) == before + 2  # one for the resource manager, one for the store
    bare = {name: value for name, value in bench.config.items() if name != "batches"}
    backend, before = connector("azureml", bare, bench.secrets, MemoryStore()), len(bench.fake.tokens)
    backend.check()
    backend.check()
    assert len(bench.fake.tokens) == before + 1
    bench.fake.tokens.clear()
    with pytest.raises(AuthFailed, match="Azure did not accept the credentials"):
        backend.check()
    assert backend.check().endswith(".")


def test_identity_of_the_platform_serves_where_no_secret_is_named(
    bench: AzuremlBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{bench.fake.url}/msi")
    named = {"tenant", "client_id", "client_secret"}
    config = {name: value for name, value in bench.config.items() if name not in named}
    for header, trouble in ((bench.fake.secret, None), ("another", AuthFailed)):
        monkeypatch.setenv("IDENTITY_HEADER", header)
        backend = connector("azureml", config, {}, MemoryStore())
        with pytest.raises(trouble) if trouble else contextlib.nullcontext():
            backend.check()


def test_the_fake_refuses_what_the_models_do_not_know(bench: AzuremlBench) -> None:
    """A fake that accepts anything would prove nothing."""
    fits = {"location": "x", "properties": {"authMode": "Key"}}
    bench.fake.require(fits, "OnlineEndpoint")
    for body in (
        {},
        fits | {"colour": "red"},
        fits | {"id": "mine"},
        {"location": "x", "properties": {"authMode": "Sesame"}},
        {"location": "x", "properties": {"authMode": "Key", "traffic": {"a": "100"}}},
    ):
        with pytest.raises(Fault):
            bench.fake.require(body, "OnlineEndpoint")


@pytest.mark.skipif("MRM_LIVE_AZUREML" not in os.environ, reason="needs a workspace: MRM_LIVE_AZUREML")
def test_live() -> None:
    """MRM_LIVE_AZUREML holds configuration and secrets as JSON; version 1 must lie in its storage."""
    given = json.loads(os.environ["MRM_LIVE_AZUREML"])
    store = MemoryStore()
    backend = connector("azureml", given["config"], given["secrets"], store)
    plan = desired("mrm-live-test", 1, version(store, 1))
    try:
        applied(backend, plan, seconds=3600)
        require_converged(backend, plan)
        if Cap.BATCH in backend.caps:
            _scored_there(backend, "mrm-live-test", plan.champion)
    finally:
        deleted(backend, "mrm-live-test")


def _scored_there(backend: Connector, endpoint: str, one: VersionRef) -> None:
    """A batch on a real cluster, whose nodes start for it."""
    batch, end, result = a_batch(one), time.monotonic() + 3600, None
    files = staged(backend, batch, [FIRST, SECOND])
    while result is None or not result.done:
        assert time.monotonic() < end, result
        with contextlib.suppress(NotYet):
            result = backend.poll_batch(result.handle) if result else backend.submit_batch(endpoint, batch, op=op())
        time.sleep(20)
    told = [float(score) for file in files for _, score in fetched(backend, batch, file)]
    rows = [[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 1.5, -1.5], [0.0, 1.0, 0.0, 0.0]]
    assert told == pytest.approx([each[1] for each in matrix(1).probabilities(rows)], abs=1e-6)
    backend.clear_batch(batch, [file.name for file in files], op=op())
