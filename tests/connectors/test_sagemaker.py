"""The SageMaker connector keeps the contract against a fake that is held to botocore's description."""

import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from mrm.connectors.protocol import (
    Batch,
    Conflict,
    Connector,
    Integrity,
    Invalid,
    NotFound,
    Role,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import connector
from tests.connectors.batches import FIRST, SECOND, a_batch, ended, fetched, staged
from tests.connectors.bench import Bench, applied, deleted, desired, op, version
from tests.connectors.contract import ConnectorContract
from tests.connectors.expect import require_converged
from tests.connectors.sagemaker_fake import FakeSagemaker, Fault
from tests.connectors.store import MemoryStore
from tests.gateway.models import matrix


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


class TestSagemaker(ConnectorContract):
    def test_batch(self, bench: SagemakerBench, backend: Connector, endpoint: str, one: VersionRef) -> None:
        """The champion scores a data set: the same batch is the same job, and what scored is told with its digest."""
        applied(backend, desired(endpoint, 1, one))
        batch, made = a_batch(one), len(bench.fake.jobs)
        files = staged(backend, batch, [FIRST, SECOND])
        assert backend.find_batch(endpoint, batch) is None
        asked = backend.submit_batch(endpoint, batch, op=op())
        assert (asked.done, asked.digest) == (False, one.artifact.digest)
        assert asked.message == f"Version {one.version} of {one.model}, digest {one.artifact.digest}."
        again = backend.submit_batch(endpoint, batch, op=op())
        found = backend.find_batch(endpoint, batch)
        assert found is not None
        assert asked.job == again.job == found.job
        assert asked.handle == again.handle == found.handle
        assert len(bench.fake.jobs) == made + 1
        done = ended(backend, asked)
        assert (done.digest, done.message) == (one.artifact.digest, f"SageMaker says Completed. {asked.message}")
        assert backend.cancel_batch(asked.handle, op=op()).message == "SageMaker says Completed."
        told = [line for file in files for line in fetched(backend, batch, file)]
        wanted = matrix(int(one.version)).probabilities(
            [[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 1.5, -1.5], [0.0, 1.0, 0.0, 0.0]]
        )
        assert [place for place, _ in told] == ["0", "1", "2"]
        assert [float(score) for _, score in told] == pytest.approx([each[1] for each in wanted], abs=1e-6)
        kept = f"/models/mrm/batches/{batch.key}/"
        bench.fake.objects[f"{kept}rows/{files[0].name}"] = b"0,9,9,9,9\n"
        with pytest.raises(Integrity, match="other rows"):
            fetched(backend, batch, files[0])
        backend.clear_batch(batch, [file.name for file in files], op=op())
        backend.clear_batch(batch, [file.name for file in files], op=op())
        assert [key for key in bench.fake.objects if key.startswith(kept)] == []

    def test_a_batch_that_is_stopped_or_fails_says_so(
        self, bench: SagemakerBench, backend: Connector, endpoint: str, one: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        bench.fake.steps = 4
        try:
            first, second, third = (backend.submit_batch(endpoint, a_batch(one), op=op()) for _ in range(3))
        finally:
            bench.fake.steps = 2
        stopped = backend.cancel_batch(first.handle, op=op())
        assert not stopped.done
        with pytest.raises(Conflict, match="Somebody stopped the job"):
            ended(backend, stopped)
        bench.fake.jobs[second.job] |= {"status": "Failed", "reason": "Bad record."}
        with pytest.raises(Invalid, match=r"SageMaker says Failed: Bad record\."):
            backend.poll_batch(second.handle)
        bench.tamper(endpoint)
        with pytest.raises(Integrity, match="not those of the digest"):
            ended(backend, third)
        with pytest.raises(Integrity, match="not those of the digest"):
            backend.submit_batch(endpoint, a_batch(one), op=op())

    def test_a_batch_is_scored_by_what_it_names_or_not_at_all(
        self, bench: SagemakerBench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        with pytest.raises(NotFound, match="deploy the version first"):
            backend.submit_batch(endpoint, a_batch(one), op=op())
        applied(backend, desired(endpoint, 1, one))
        made = len(bench.fake.jobs)
        with pytest.raises(Conflict, match=f"serves version {one.version}, not {two.version} as approved"):
            backend.submit_batch(endpoint, a_batch(two), op=op())
        assert len(bench.fake.jobs) == made
        batch = a_batch(one)
        backend.submit_batch(endpoint, batch, op=op())
        applied(backend, desired(endpoint, 2, two))
        with pytest.raises(Conflict, match="with another ModelName"):
            backend.submit_batch(endpoint, replace(batch, version=two.version, digest=two.artifact.digest), op=op())
        with pytest.raises(Invalid, match="no handle of a batch"):
            backend.poll_batch("a")
        with pytest.raises(Invalid, match="key of a batch"):
            Batch("../elsewhere", "1", one.artifact.digest)
        with pytest.raises(Invalid, match="left no scores"):
            fetched(backend, batch, staged(backend, batch, [FIRST])[0])


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
