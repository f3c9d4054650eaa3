"""The SageMaker connector keeps the contract against a fake that is held to botocore's description."""

import json
import os
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from mrm.connectors.protocol import (
    Conflict,
    Connector,
    Integrity,
    Invalid,
    NotFound,
    Result,
    Role,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import connector
from tests.connectors.bench import Bench, applied, deleted, desired, op, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.sagemaker_fake import FakeSagemaker, Fault
from tests.connectors.store import MemoryStore


class SagemakerBench(Bench):
    id = "sagemaker"
    reads = r"SageMaker\.(Describe|List)"
    tells_retry_after = True

    def __init__(self, fake: FakeSagemaker) -> None:
        self.fake = fake
        self.secret = fake.credentials.secret_key
        self.config = {
            "region": "eu-central-1",
            "bucket": "models",
            "image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/onnx@sha256:" + "a" * 64,
            "execution_role": "arn:aws:iam::123456789012:role/endpoint",
            "instance_type": "ml.m5.large",
            "access_key_secret": "access",
            "secret_key_secret": "key",
            "base_url": fake.url,
            "s3_url": fake.url,
        }
        self.secrets = {"access": fake.credentials.access_key, "key": fake.credentials.secret_key}

    def at(self, url: str) -> dict[str, Any]:
        return {"base_url": url, "s3_url": url}

    def disturb(self, endpoint: str) -> None:
        """Somebody switches to the older configuration in the console."""
        prefix = self.fake.endpoints[endpoint]["config"].rpartition("-")[0].rpartition("-")[0]
        first = next(name for name in self.fake.configs if name.startswith(prefix) and name.endswith("-r1"))
        self.fake.endpoints[endpoint] |= {"config": first, "frozen": self.fake.configs[first]}

    def tamper(self, endpoint: str) -> None:
        variant = self.fake.endpoints[endpoint]["frozen"]["ProductionVariants"][0]
        source = self.fake.models[variant["ModelName"]]["PrimaryContainer"]["ModelDataSource"]["S3DataSource"]
        self.fake.objects["/" + source["S3Uri"].removeprefix("s3://") + "model.onnx"] = b"other bytes"


@pytest.fixture(scope="module")
def bench() -> Iterator[SagemakerBench]:
    with FakeSagemaker("AKIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)) as fake:
        yield SagemakerBench(fake)


SOURCE, TARGET = "s3://data/applicants/", "s3://data/scores/"


class TestSagemaker(ConnectorContract):
    def test_batch(self, bench: SagemakerBench, backend: Connector, endpoint: str, one: VersionRef) -> None:
        """The champion scores a data set: the same attempt is the same job, and what scored is told with its digest."""
        applied(backend, desired(endpoint, 1, one))
        attempt = op()
        asked = backend.submit_batch(endpoint, SOURCE, TARGET, op=attempt)
        assert asked.handle is not None
        assert (asked.done, asked.message) == (
            False,
            f"Version {one.version} of {one.model}, digest {one.artifact.digest}.",
        )
        made = len(bench.fake.jobs)
        assert backend.submit_batch(endpoint, SOURCE, TARGET, op=attempt).handle == asked.handle
        assert len(bench.fake.jobs) == made
        with pytest.raises(Conflict, match="with another TransformOutput"):
            backend.submit_batch(endpoint, SOURCE, "s3://data/elsewhere/", op=attempt)
        ended = _batch_ended(backend, asked)
        assert ended.message == f"SageMaker says Completed. {asked.message}"
        assert backend.cancel_batch(asked.handle, op=op()).message == "It had ended before: SageMaker says Completed."

    def test_a_batch_that_is_stopped_or_fails_says_so(
        self, bench: SagemakerBench, backend: Connector, endpoint: str, one: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        bench.fake.steps = 4
        try:
            first, second, third = (backend.submit_batch(endpoint, SOURCE, TARGET, op=op()) for _ in range(3))
        finally:
            bench.fake.steps = 2
        assert first.handle is not None
        stopped = backend.cancel_batch(first.handle, op=op())
        assert _batch_ended(backend, stopped).message.startswith("SageMaker says Stopped.")
        with pytest.raises(Conflict, match="Somebody stopped the job"):
            backend.poll_batch(first.handle)
        assert second.handle is not None
        bench.fake.jobs[json.loads(second.handle)["TransformJobName"]] |= {"status": "Failed", "reason": "Bad record."}
        with pytest.raises(Invalid, match=r"SageMaker says Failed: Bad record\."):
            backend.poll_batch(second.handle)
        bench.tamper(endpoint)
        with pytest.raises(Integrity, match="not those of the digest"):
            _batch_ended(backend, third)
        with pytest.raises(Integrity, match="not those of the digest"):
            backend.submit_batch(endpoint, SOURCE, TARGET, op=op())

    def test_a_batch_needs_a_champion_and_places(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        with pytest.raises(NotFound, match="deploy the version first"):
            backend.submit_batch(endpoint, SOURCE, TARGET, op=op())
        applied(backend, desired(endpoint, 1, one))
        with pytest.raises(Invalid, match="source of a batch at SageMaker is an address"):
            backend.submit_batch(endpoint, "/etc/passwd", TARGET, op=op())
        with pytest.raises(Invalid, match="no handle of a batch"):
            backend.poll_batch("a")


def _batch_ended(backend: Connector, result: Result) -> Result:
    for _ in range(20):
        if result.done:
            return result
        assert result.handle is not None
        result = backend.poll_batch(result.handle)
    raise AssertionError(result)


def test_delete_leaves_no_model_and_no_configuration(bench: SagemakerBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    before = set(bench.fake.models), set(bench.fake.configs)
    for number in (1, 2):
        applied(backend, desired("leaves-nothing", number, version(store, number)))
    deleted(backend, "leaves-nothing")
    assert (set(bench.fake.models), set(bench.fake.configs)) == before


def test_endpoint_of_somebody_else_stays(bench: SagemakerBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    applied(backend, desired("theirs", 1, version(store, 1)))
    bench.fake.endpoints["theirs"]["tags"] = []
    with pytest.raises(Conflict, match="belongs to somebody else"):
        backend.apply(desired("theirs", 2, version(store, 2)), op=op())
    assert backend.delete("theirs", op=op()).message == "The endpoint of that name is not ours; it stays."
    assert "theirs" in bench.fake.endpoints


def test_failed_endpoint_is_told_in_the_services_words(bench: SagemakerBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    started = backend.apply(desired("fails", 1, version(store, 1)), op=op())
    assert not started.done
    assert started.handle is not None
    bench.fake.endpoints["fails"] |= {"status": "Failed", "left": 10_000}
    with pytest.raises(Invalid, match="SageMaker says Failed"):
        backend.poll(started.handle)


def test_weights_changed_by_hand_are_drift(bench: SagemakerBench) -> None:
    store = MemoryStore()
    backend = bench.connector(store)
    one, two = version(store, 1), version(store, 2)
    variants = (Variant(Role.CHAMPION, one, 9_000), Variant(Role.CHALLENGER, two, 1_000))
    plan = desired("weighed", 1, one, variants=variants)
    applied(backend, plan)
    frozen = bench.fake.endpoints["weighed"]["frozen"]
    changed = [variant | {"InitialVariantWeight": 1.0} for variant in frozen["ProductionVariants"]]
    bench.fake.endpoints["weighed"]["frozen"] = frozen | {"ProductionVariants": changed}
    assert {v.weight_bp for v in backend.observe("weighed").variants} == {5_000}


def test_the_fake_refuses_what_the_description_does_not_know(bench: SagemakerBench) -> None:
    """A fake that accepts anything would prove nothing."""
    for body in ({"EndpointName": "a b"}, {"EndpointName": "a", "Colour": "red"}, {}):
        with pytest.raises(Fault):
            bench.fake.description.check("DescribeEndpoint", body)
    with pytest.raises(Fault):
        bench.fake.description.check("DescribeEndpoint", {"EndpointStatus": "Dancing"}, answer=True)


@pytest.mark.skipif("MRM_LIVE_SAGEMAKER" not in os.environ, reason="needs an account: MRM_LIVE_SAGEMAKER")
def test_live() -> None:
    """MRM_LIVE_SAGEMAKER holds a configuration as JSON; credentials come from the environment."""
    import json

    store = MemoryStore()
    backend = connector("sagemaker", json.loads(os.environ["MRM_LIVE_SAGEMAKER"]), {}, store)
    plan = desired("mrm-live-test", 1, version(store, 1))
    try:
        applied(backend, plan, seconds=1800)
        require_converged(backend, plan)
    finally:
        deleted(backend, "mrm-live-test")
