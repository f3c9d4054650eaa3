"""The contract: what every connector must do against its real backend.

A test module derives a class from ConnectorContract and offers a fixture `bench`.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mrm.connectors.protocol import (
    API_VERSION,
    Cap,
    Conflict,
    Connector,
    Integrity,
    Invalid,
    NotFound,
    Observed,
    OutcomeUnknown,
    Transient,
    Unsupported,
    VersionRef,
)
from mrm.connectors.registry import described
from tests.connectors.bench import Bench, applied, deleted, desired, op, version
from tests.connectors.contract_faults import FaultContract
from tests.connectors.contract_honesty import HonestyContract
from tests.connectors.expect import managed, require_converged
from tests.connectors.store import MemoryStore
from tests.gateway.models import ROWS, matrix, request

LONG = "Kreditwürdigkeit 信用 ✓ " + "n" * 170


class ConnectorContract(FaultContract, HonestyContract):
    """Each test gets an endpoint of its own, so that they may run in any order."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def backend(self, bench: Bench, store: MemoryStore) -> Connector:
        return bench.connector(store)

    @pytest.fixture
    def one(self, store: MemoryStore) -> VersionRef:
        return version(store, 1)

    @pytest.fixture
    def two(self, store: MemoryStore) -> VersionRef:
        return version(store, 2)

    @pytest.fixture
    def endpoint(self, bench: Bench) -> Iterator[str]:
        name = f"credit-{uuid.uuid4().hex[:12]}"
        yield name
        if bench.crowded:
            bench.connector().delete(name, op=op())

    def test_speaks_the_protocol(self, bench: Bench, backend: Connector) -> None:
        assert isinstance(backend, Connector)
        assert (backend.id, backend.api_version) == (bench.id, API_VERSION)
        assert described(bench.id)["id"] == bench.id

    def test_check_answers_with_a_sentence(self, backend: Connector) -> None:
        assert backend.check().endswith(".")

    def test_absent_endpoint(self, backend: Connector, endpoint: str) -> None:
        assert backend.observe(endpoint) == Observed(exists=False)

    def test_delete_of_nothing_is_done(self, backend: Connector, endpoint: str) -> None:
        assert deleted(backend, endpoint).done

    def test_apply_converges(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        plan = desired(endpoint, 1, one)
        assert applied(backend, plan).done
        require_converged(backend, plan)

    def test_apply_again_changes_nothing(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        plan, attempt = desired(endpoint, 1, one), op()
        applied(backend, plan, attempt)
        before = backend.observe(endpoint)
        applied(backend, plan, attempt)
        assert backend.observe(endpoint) == before
        assert backend.observe(endpoint).fingerprint() == before.fingerprint()

    def test_replace_and_roll_back(self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef) -> None:
        first, second = desired(endpoint, 1, one), desired(endpoint, 2, two)
        back = desired(endpoint, 3, one)
        assert back.fingerprint() == first.fingerprint() != second.fingerprint()
        for plan in (first, second, back):
            applied(backend, plan)
            require_converged(backend, plan)

    def test_exact_version_answers(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        if not bench.predicts_versions:
            with pytest.raises(Unsupported):
                backend.predict(endpoint, "1", request(), timeout=bench.warm_up)
            return
        applied(backend, desired(endpoint, 1, one))
        golden = backend.predict(endpoint, None, request(), timeout=bench.warm_up)
        assert golden["model_version"] == "1"
        assert golden.get("parameters", {}).get("digest", one.artifact.digest) == one.artifact.digest
        applied(backend, desired(endpoint, 2, two))
        other = backend.predict(endpoint, "2", request(), timeout=bench.warm_up)
        assert other["model_version"] == "2"
        assert other["outputs"] != golden["outputs"]
        with pytest.raises(NotFound):
            backend.predict(endpoint, "1", request(), timeout=bench.warm_up)
        applied(backend, desired(endpoint, 3, one))
        assert backend.predict(endpoint, "1", request(), timeout=bench.warm_up)["outputs"] == golden["outputs"]

    def test_predicts(self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef) -> None:
        if Cap.PREDICT not in backend.caps:
            with pytest.raises(Unsupported):
                backend.predict(endpoint, None, request(), timeout=bench.warm_up)
            return
        applied(backend, desired(endpoint, 1, one))
        outputs = backend.predict(endpoint, None, request(), timeout=bench.warm_up)["outputs"]
        found = next(item["data"] for item in outputs if "prob" in item["name"])
        assert np.reshape(found, (2, 2)) == pytest.approx(np.array(matrix(1).probabilities(ROWS)), abs=1e-5)

    def test_foreign_change_is_seen_and_healed(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        plan = desired(endpoint, 2, two)
        applied(backend, desired(endpoint, 1, one))
        applied(backend, plan)
        before = backend.observe(endpoint)
        bench.disturb(endpoint)
        after = backend.observe(endpoint)
        assert after.variants[0].version == "1"
        assert after.fingerprint() != before.fingerprint()
        applied(backend, plan)
        require_converged(backend, plan)

    def test_changed_bytes_are_seen_and_healed(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef
    ) -> None:
        plan = desired(endpoint, 1, one)
        applied(backend, plan)
        if Cap.OBSERVE_DIGEST not in backend.caps:  # such bytes show in the golden rows only
            assert backend.observe(endpoint).variants[0].digest is None
            return
        bench.tamper(endpoint)
        seen = backend.observe(endpoint).variants[0]
        assert seen.digest != one.artifact.digest or seen.reason
        applied(backend, plan)
        require_converged(backend, plan)

    def test_changed_store_is_refused(
        self, backend: Connector, store: MemoryStore, endpoint: str, one: VersionRef
    ) -> None:
        content = bytearray(store.contents[one.artifact.digest])
        content[-1] ^= 1
        store.contents[one.artifact.digest] = bytes(content)
        with pytest.raises(Integrity) as caught:
            applied(backend, desired(endpoint, 1, one))
        assert caught.value.permanent
        assert not backend.observe(endpoint).exists

    def test_other_bytes_than_approved_are_refused(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        mixed = VersionRef("credit", "1", one.artifact, "approval", two.artifact.digest)
        with pytest.raises(Integrity):
            applied(backend, desired(endpoint, 1, mixed))
        assert not backend.observe(endpoint).exists

    def test_condition_on_the_observed_state(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        if Cap.ETAG not in backend.caps:
            with pytest.raises(Unsupported):
                backend.apply(desired(endpoint, 2, two), op=op(), expect_etag="x")
            return
        etag = backend.observe(endpoint).etag
        applied(backend, desired(endpoint, 2, two), expect_etag=etag)
        with pytest.raises(Conflict):
            applied(backend, desired(endpoint, 3, one), expect_etag=etag)
        require_converged(backend, desired(endpoint, 2, two))

    def test_older_revision_does_not_win(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 2, two))
        with pytest.raises(Conflict):
            applied(backend, desired(endpoint, 1, one))
        require_converged(backend, desired(endpoint, 2, two))

    def test_foreign_deployment_is_refused(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        applied(backend, desired(endpoint, 1, one))
        with pytest.raises(Conflict):
            applied(backend, desired(endpoint, 1, one, deployment="d-2"))

    def test_two_at_once_converge(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        plan = desired(endpoint, 1, one)
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(applied, backend, plan) for _ in range(2)]
        failures = [error for attempt in attempts if (error := attempt.exception())]
        assert all(isinstance(error, Conflict | Transient) for error in failures), failures
        applied(backend, plan)
        require_converged(backend, plan)

    def test_two_versions_at_once_end_as_one(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        """Never a mixture: afterwards stands one of the two plans, or the next apply makes it so."""
        plans = desired(endpoint, 1, one), desired(endpoint, 2, two)
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(applied, backend, plan) for plan in plans]
        failures = [error for attempt in attempts if (error := attempt.exception())]
        assert all(isinstance(error, Conflict | Transient | OutcomeUnknown) for error in failures), failures
        applied(backend, plans[1])
        require_converged(backend, plans[1])

    def test_nothing_is_sent_after_the_deadline(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        with pytest.raises(Transient):
            backend.apply(desired(endpoint, 1, one), op=op(seconds=-1))
        assert not backend.observe(endpoint).exists

    def test_delete_leaves_nothing_managed(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        applied(backend, desired(endpoint, 1, one))
        applied(backend, desired(endpoint, 2, two))
        assert (Cap.INVENTORY not in backend.caps) or endpoint in managed(backend)
        assert deleted(backend, endpoint).done
        assert backend.observe(endpoint) == Observed(exists=False)
        assert (Cap.INVENTORY not in backend.caps) or endpoint not in managed(backend)
        assert deleted(backend, endpoint).done
        if Cap.PREDICT in backend.caps and Cap.DECLARED_ONLY not in backend.caps:
            with pytest.raises(NotFound):
                backend.predict(endpoint, None, request(), timeout=bench.warm_up)

    def test_deleted_endpoint_can_come_back(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        applied(backend, desired(endpoint, 2, one))
        deleted(backend, endpoint)
        applied(backend, desired(endpoint, 1, one, deployment="d-2"))
        require_converged(backend, desired(endpoint, 1, one, deployment="d-2"))

    def test_unicode_and_long_names(self, backend: Connector, one: VersionRef) -> None:
        deleted(backend, LONG)
        plan = desired(LONG, 1, one)
        applied(backend, plan)
        require_converged(backend, plan)
        deleted(backend, LONG)
        assert not backend.observe(LONG).exists

    @pytest.mark.parametrize("name", ["", "a/b", "..", "a:b", "a\n", " a", "n" * 201])
    def test_impossible_names(self, backend: Connector, one: VersionRef, name: str) -> None:
        with pytest.raises(Invalid):
            backend.observe(name)
        with pytest.raises(Invalid):
            desired(name, 1, one)
