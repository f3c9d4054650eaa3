"""The contract: what every connector must do against its real backend.

A test module derives a class from ConnectorContract and offers a fixture `bench`.
"""

import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mrm.connectors.protocol import (
    API_VERSION,
    AuthFailed,
    Cap,
    Conflict,
    Connector,
    ConnectorError,
    Desired,
    Integrity,
    Invalid,
    NotFound,
    Observed,
    OutcomeUnknown,
    Role,
    Transient,
    Unsupported,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import described
from tests.connectors.bench import Bench, MemoryStore, desired, op, version
from tests.gateway.models import request

LONG = "Kreditwürdigkeit 信用 ✓ " + "n" * 170


class ConnectorContract:
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
    def endpoint(self) -> str:
        return f"credit-{uuid.uuid4().hex[:12]}"

    def test_speaks_the_protocol(self, bench: Bench, backend: Connector) -> None:
        assert isinstance(backend, Connector)
        assert (backend.id, backend.api_version) == (bench.id, API_VERSION)
        assert described(bench.id)["id"] == bench.id

    def test_check_answers_with_a_sentence(self, backend: Connector) -> None:
        assert backend.check().endswith(".")

    def test_absent_endpoint(self, backend: Connector, endpoint: str) -> None:
        assert backend.observe(endpoint) == Observed(exists=False)

    def test_delete_of_nothing_is_done(self, backend: Connector, endpoint: str) -> None:
        assert backend.delete(endpoint, op=op()).done

    def test_apply_converges(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        plan = desired(endpoint, 1, one)
        assert backend.apply(plan, op=op()).done
        require_converged(backend, plan)

    def test_apply_again_changes_nothing(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        plan, attempt = desired(endpoint, 1, one), op()
        backend.apply(plan, op=attempt)
        before = backend.observe(endpoint)
        backend.apply(plan, op=attempt)
        assert backend.observe(endpoint) == before
        assert backend.observe(endpoint).fingerprint() == before.fingerprint()

    def test_replace_and_roll_back(self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef) -> None:
        first, second = desired(endpoint, 1, one), desired(endpoint, 2, two)
        back = desired(endpoint, 3, one)
        assert back.fingerprint() == first.fingerprint() != second.fingerprint()
        for plan in (first, second, back):
            backend.apply(plan, op=op())
            require_converged(backend, plan)

    def test_exact_version_answers(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        if not bench.predicts_versions:
            with pytest.raises(Unsupported):
                backend.predict(endpoint, "1", request(), timeout=5)
            return
        backend.apply(desired(endpoint, 1, one), op=op())
        golden = backend.predict(endpoint, None, request(), timeout=5)
        assert golden["model_version"] == "1"
        assert golden["parameters"]["digest"] == one.artifact.digest
        backend.apply(desired(endpoint, 2, two), op=op())
        other = backend.predict(endpoint, "2", request(), timeout=5)
        assert other["model_version"] == "2"
        assert other["outputs"] != golden["outputs"]
        with pytest.raises(NotFound):
            backend.predict(endpoint, "1", request(), timeout=5)
        backend.apply(desired(endpoint, 3, one), op=op())
        assert backend.predict(endpoint, "1", request(), timeout=5)["outputs"] == golden["outputs"]

    def test_foreign_change_is_seen_and_healed(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        plan = desired(endpoint, 2, two)
        backend.apply(desired(endpoint, 1, one), op=op())
        backend.apply(plan, op=op())
        before = backend.observe(endpoint)
        bench.disturb(endpoint)
        after = backend.observe(endpoint)
        assert after.variants[0].version == "1"
        assert after.fingerprint() != before.fingerprint()
        backend.apply(plan, op=op())
        require_converged(backend, plan)

    def test_changed_bytes_are_seen_and_healed(
        self, bench: Bench, backend: Connector, endpoint: str, one: VersionRef
    ) -> None:
        plan = desired(endpoint, 1, one)
        backend.apply(plan, op=op())
        bench.tamper(endpoint)
        seen = backend.observe(endpoint).variants[0]
        assert seen.digest != one.artifact.digest or seen.reason
        backend.apply(plan, op=op())
        require_converged(backend, plan)

    def test_changed_store_is_refused(
        self, backend: Connector, store: MemoryStore, endpoint: str, one: VersionRef
    ) -> None:
        content = bytearray(store.contents[one.artifact.digest])
        content[-1] ^= 1
        store.contents[one.artifact.digest] = bytes(content)
        with pytest.raises(Integrity) as caught:
            backend.apply(desired(endpoint, 1, one), op=op())
        assert caught.value.permanent
        assert not backend.observe(endpoint).exists

    def test_other_bytes_than_approved_are_refused(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        mixed = VersionRef("credit", "1", one.artifact, "approval", two.artifact.digest)
        with pytest.raises(Integrity):
            backend.apply(desired(endpoint, 1, mixed), op=op())
        assert not backend.observe(endpoint).exists

    @pytest.mark.parametrize("cap", [Cap.SPLIT, Cap.SHADOW, Cap.FALLBACK])
    def test_undeclared_traffic_is_refused(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef, cap: Cap
    ) -> None:
        plan = traffic(endpoint, one, two)[cap]
        if cap in backend.caps:
            assert backend.apply(plan, op=op()).done
            require_converged(backend, plan)
            return
        with pytest.raises(Unsupported):
            backend.apply(plan, op=op())
        assert not backend.observe(endpoint).exists

    def test_optional_calls_are_honest(self, backend: Connector, endpoint: str) -> None:
        calls: dict[Cap, Callable[[], Any]] = {
            Cap.BATCH: lambda: backend.submit_batch(endpoint, "a", "b", op=op()),
            Cap.INVENTORY: backend.list_models,
            Cap.PULL_LOGS: backend.pull_logs,
            Cap.ADOPT: lambda: backend.adopt(endpoint),
        }
        for cap, call in calls.items():
            if cap in backend.caps:
                call()
            else:
                with pytest.raises(Unsupported):
                    call()

    def test_condition_on_the_observed_state(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        backend.apply(desired(endpoint, 1, one), op=op())
        if Cap.ETAG not in backend.caps:
            with pytest.raises(Unsupported):
                backend.apply(desired(endpoint, 2, two), op=op(), expect_etag="x")
            return
        etag = backend.observe(endpoint).etag
        backend.apply(desired(endpoint, 2, two), op=op(), expect_etag=etag)
        with pytest.raises(Conflict):
            backend.apply(desired(endpoint, 3, one), op=op(), expect_etag=etag)
        require_converged(backend, desired(endpoint, 2, two))

    def test_older_revision_does_not_win(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        backend.apply(desired(endpoint, 2, two), op=op())
        with pytest.raises(Conflict):
            backend.apply(desired(endpoint, 1, one), op=op())
        require_converged(backend, desired(endpoint, 2, two))

    def test_foreign_deployment_is_refused(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        backend.apply(desired(endpoint, 1, one), op=op())
        with pytest.raises(Conflict):
            backend.apply(desired(endpoint, 1, one, deployment="d-2"), op=op())

    def test_two_at_once_converge(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        plan = desired(endpoint, 1, one)
        with ThreadPoolExecutor(2) as pool:
            attempts = [pool.submit(backend.apply, plan, op=op()) for _ in range(2)]
        failures = [error for attempt in attempts if (error := attempt.exception())]
        assert all(isinstance(error, Conflict | Transient) for error in failures), failures
        backend.apply(plan, op=op())
        require_converged(backend, plan)

    def test_nothing_is_sent_after_the_deadline(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        with pytest.raises(Transient):
            backend.apply(desired(endpoint, 1, one), op=op(seconds=-1))
        assert not backend.observe(endpoint).exists

    def test_delete_leaves_nothing_managed(
        self, backend: Connector, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        backend.apply(desired(endpoint, 1, one), op=op())
        backend.apply(desired(endpoint, 2, two), op=op())
        assert (Cap.INVENTORY not in backend.caps) or endpoint in managed(backend)
        assert backend.delete(endpoint, op=op()).done
        assert backend.observe(endpoint) == Observed(exists=False)
        assert (Cap.INVENTORY not in backend.caps) or endpoint not in managed(backend)
        assert backend.delete(endpoint, op=op()).done
        if Cap.PREDICT in backend.caps and Cap.DECLARED_ONLY not in backend.caps:
            with pytest.raises(NotFound):
                backend.predict(endpoint, None, request(), timeout=5)

    def test_deleted_endpoint_can_come_back(self, backend: Connector, endpoint: str, one: VersionRef) -> None:
        backend.apply(desired(endpoint, 2, one), op=op())
        backend.delete(endpoint, op=op())
        backend.apply(desired(endpoint, 1, one, deployment="d-2"), op=op())
        require_converged(backend, desired(endpoint, 1, one, deployment="d-2"))

    def test_unicode_and_long_names(self, backend: Connector, one: VersionRef) -> None:
        backend.delete(LONG, op=op())
        plan = desired(LONG, 1, one)
        backend.apply(plan, op=op())
        require_converged(backend, plan)
        backend.delete(LONG, op=op())
        assert not backend.observe(LONG).exists

    @pytest.mark.parametrize("name", ["", "a/b", "..", "a:b", "a\n", " a", "n" * 201])
    def test_impossible_names(self, backend: Connector, one: VersionRef, name: str) -> None:
        with pytest.raises(Invalid):
            backend.observe(name)
        with pytest.raises(Invalid):
            desired(name, 1, one)

    def test_wrong_secret(self, bench: Bench, endpoint: str, one: VersionRef) -> None:
        stranger = bench.connector(secrets=dict.fromkeys(bench.secrets, "not-the-secret"))
        for call in calls(stranger, endpoint):
            with pytest.raises(AuthFailed):
                call()

    def test_backend_down(self, bench: Bench, endpoint: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        gone = bench.connector(base_url=f"http://127.0.0.1:{port}")
        for call in calls(gone, endpoint):
            with pytest.raises((Transient, OutcomeUnknown)) as caught:
                call()
            assert not caught.value.permanent

    def test_backend_that_never_answers(self, bench: Bench, endpoint: str, silent: str) -> None:
        stuck = bench.connector(base_url=silent, read_seconds=0.2)
        for call in calls(stuck, endpoint):
            with pytest.raises((Transient, OutcomeUnknown)):
                call()

    @pytest.fixture
    def silent(self) -> Iterator[str]:
        """An address that accepts connections and never says anything."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"

    def test_secrets_do_not_show(
        self, bench: Bench, backend: Connector, endpoint: str, silent: str, one: VersionRef
    ) -> None:
        shown = [repr(backend), str(vars(backend)), str(described(bench.id))]
        for broken in (
            bench.connector(base_url=silent, read_seconds=0.2),
            bench.connector(secrets={k: f"{v}x" for k, v in bench.secrets.items()}),
        ):
            for call in calls(broken, endpoint):
                with pytest.raises(ConnectorError) as caught:
                    call()
                shown += [str(caught.value), repr(caught.value), str(vars(caught.value))]
        assert not [text for text in shown if bench.secret in text]

    def test_import_is_quiet(self, bench: Bench) -> None:
        """No network and no Django when the module is imported."""
        code = (
            "import sys\n"
            "def hook(event, args):\n"
            "    if event.startswith('socket.') and event != 'socket.gethostname':\n"
            "        raise RuntimeError(event)\n"
            "sys.addaudithook(hook)\n"
            "from mrm.connectors.registry import connector_class\n"
            f"connector_class({bench.id!r})\n"
            "assert not {'django', 'rest_framework', 'celery'} & set(sys.modules)\n"
        )
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", code], check=True, cwd=root, timeout=60)


def require_converged(backend: Connector, plan: Desired) -> None:
    """What is observed is what is desired, in every field that the connector can see."""
    found = backend.observe(plan.endpoint)
    assert found.exists
    assert found.revision == plan.revision
    assert (found.etag is not None) == (Cap.ETAG in backend.caps)
    wanted = {v.version.version: v for v in plan.variants}
    assert {v.version for v in found.variants} == set(wanted)
    for seen in found.variants:
        variant = wanted[seen.version]
        assert seen.digest == variant.version.artifact.digest
        assert (seen.name, seen.role) == (variant.version.model, variant.role)
        assert seen.weight_bp == variant.weight_bp
        assert (seen.ready, seen.managed, seen.reason) == (True, True, "")


def calls(backend: Connector, endpoint: str) -> list[Callable[[], Any]]:
    """Every call that must reach the backend."""
    store = backend.store  # type: ignore[attr-defined]
    return [
        backend.check,
        lambda: backend.observe(endpoint),
        lambda: backend.apply(desired(endpoint, 1, version(store, 1)), op=op()),
        lambda: backend.delete(endpoint, op=op()),
    ]


def managed(backend: Connector) -> set[str]:
    """Names of everything the connector manages, over all pages of the inventory."""
    found: set[str] = set()
    cursor: str | None = None
    while True:
        page = backend.list_models(cursor)
        found |= {item.name for item in page.items if item.managed}
        cursor = page.cursor
        if cursor is None:
            return found


def traffic(endpoint: str, one: VersionRef, two: VersionRef) -> dict[Cap, Desired]:
    """A plan that needs the capability."""
    full, half = Variant(Role.CHAMPION, one, 10_000), Variant(Role.CHAMPION, one, 5_000)
    return {
        Cap.SPLIT: Desired("d-1", 1, endpoint, (half, Variant(Role.CHALLENGER, two, 5_000))),
        Cap.SHADOW: Desired("d-1", 1, endpoint, (full, Variant(Role.SHADOW, two, 0, 10_000))),
        Cap.FALLBACK: Desired("d-1", 1, endpoint, (full, Variant(Role.FALLBACK, two))),
    }
