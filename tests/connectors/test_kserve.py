"""The KServe connector keeps the contract against a fake that is held to KServe's published models."""

import copy
import json
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from mrm.connectors.protocol import Cap, Conflict, Invalid, Role, Unsupported, Variant
from mrm.connectors.registry import connector
from tests.connectors.bench import Bench, applied, deleted, desired, op, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.kserve_fake import FakeKserve, Fault
from tests.connectors.store import MemoryStore


class KserveBench(Bench):
    id = "kserve"

    def __init__(self, fake: FakeKserve) -> None:
        self.fake, self.secret = fake, fake.token
        self.config = {
            "base_url": fake.url,
            "namespace": "models",
            "token_secret": "account",
            "storage": "s3://models/approved",
            "mode": "standard",
        }
        self.secrets = {"account": fake.token}

    def write(self, name: str, manager: str, **changes: Any) -> None:
        found = copy.deepcopy(self.fake.objects[name])
        predictor = found["spec"]["predictor"]
        predictor["annotations"] |= changes.get("annotations", {})
        predictor["model"] |= changes.get("model", {})
        self.fake.write(name, "models", found["spec"], found["metadata"]["annotations"], manager)

    def disturb(self, endpoint: str) -> None:
        """Somebody edits the predictor back to version 1."""
        digest = version(MemoryStore(), 1).artifact.digest
        marks = {"mrm/version": "1", "mrm/digest": digest}
        self.write(endpoint, "kubectl-edit", annotations=marks, model={"storageUri": f"s3://models/approved/{digest}"})


@pytest.fixture(scope="module")
def bench() -> Iterator[KserveBench]:
    with FakeKserve(secrets.token_urlsafe(16)) as fake:
        yield KserveBench(fake)


class TestKserve(ConnectorContract):
    pass


def test_who_changed_it_is_told_by_name_and_time(bench: KserveBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("edited", 1, version(store, 1))
    applied(backend, plan)
    bench.write("edited", "kubectl-edit", model={"storageUri": "s3://elsewhere/model"})
    backend.observe("edited")
    seen = backend.observe("edited").variants[0]
    assert not seen.ready
    assert seen.reason.startswith("The specification was changed by kubectl-edit at 20")
    applied(backend, plan)
    require_converged(backend, plan)


def test_same_plan_makes_no_new_generation(bench: KserveBench) -> None:
    store = MemoryStore()
    backend, plan = bench.connector(store), desired("same", 1, version(store, 1))
    applied(backend, plan)
    applied(backend, plan)
    assert bench.fake.objects["same"]["metadata"]["generation"] == 1


def test_model_that_cannot_be_loaded_is_told(bench: KserveBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    started = backend.apply(desired("blocked", 1, version(store, 1)), op=op())
    assert started.handle is not None
    failure = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": {"message": "no such bucket"}}
    bench.fake.left["blocked"] = 10_000
    bench.fake.objects["blocked"]["status"] = {"observedGeneration": 1, "modelStatus": failure}
    with pytest.raises(Invalid, match=r"blocked does not run\. KServe says BlockedByFailedLoad\. no such bucket"):
        backend.poll(started.handle)


def test_canary_that_kserve_ignored_is_seen(bench: KserveBench) -> None:
    """The service says that it is ready; its canary is not among what it tells."""
    store = MemoryStore()
    backend = bench.connector(store)
    one, two = version(store, 1), version(store, 2)
    variants = (Variant(Role.CHAMPION, one, 9_000), Variant(Role.CHALLENGER, two, 1_000))
    plan = desired("ignored", 1, one, variants=variants)
    applied(backend, plan)
    require_converged(backend, plan)
    del bench.fake.objects["ignored"]["status"]["canaryStatuses"]
    bench.fake.advance = lambda name: None  # type: ignore[method-assign]
    try:
        reasons = {v.role: v.reason for v in backend.observe("ignored").variants}
    finally:
        del bench.fake.advance
    assert reasons[Role.CHALLENGER].endswith("it may have ignored it.")


def test_mode_in_which_shares_are_ignored_is_seen(bench: KserveBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("moded", 1, version(store, 1)))
    other = bench.connector(store, mode="knative")
    assert Cap.SPLIT not in other.caps
    assert "KServe runs it in mode Standard" in other.observe("moded").variants[0].reason
    pair = (Variant(Role.CHAMPION, version(store, 1), 5_000), Variant(Role.CHALLENGER, version(store, 2), 5_000))
    with pytest.raises(Unsupported):
        other.apply(desired("moded", 2, version(store, 1), variants=pair), op=op())


def test_service_of_somebody_else_stays(bench: KserveBench) -> None:
    bench.fake.write("theirs", "models", {"predictor": {"model": {}}}, {}, "kubectl")
    store = MemoryStore()
    backend = bench.connector(store)
    with pytest.raises(Conflict, match="belongs to somebody else"):
        backend.apply(desired("theirs", 1, version(store, 1)), op=op())
    deleted(backend, "theirs")
    assert "theirs" in bench.fake.objects
    del bench.fake.objects["theirs"]


def test_the_fake_refuses_what_the_models_do_not_know(bench: KserveBench) -> None:
    """A fake that accepts anything would prove nothing."""
    for spec in (
        {"canray": []},
        {"predictor": {"model": {"storageURI": "s3://x"}}},
        {"predictor": {"minReplicas": "1"}},
    ):
        with pytest.raises(Fault, match="strict decoding error"):
            bench.fake.check({"spec": spec})


@pytest.mark.skipif("MRM_LIVE_KSERVE" not in os.environ, reason="needs a cluster: MRM_LIVE_KSERVE")
def test_live() -> None:
    """MRM_LIVE_KSERVE holds configuration and secrets as JSON; version 1 must lie in its storage."""
    given = json.loads(os.environ["MRM_LIVE_KSERVE"])
    store = MemoryStore()
    backend = connector("kserve", given["config"], given["secrets"], store)
    plan = desired("mrm-live-test", 1, version(store, 1))
    try:
        applied(backend, plan, seconds=900)
        require_converged(backend, plan)
    finally:
        deleted(backend, "mrm-live-test")
