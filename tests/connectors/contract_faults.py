"""The part of the contract that speaks of trouble: real faults in front of the real backend."""

import contextlib
import logging
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrm.connectors.protocol import (
    AuthFailed,
    Connector,
    ConnectorError,
    OutcomeUnknown,
    RateLimited,
    Transient,
    VersionRef,
)
from mrm.connectors.registry import described
from tests.connectors.applying import Work
from tests.connectors.bench import Bench, applied, desired, op, version
from tests.connectors.expect import calls, is_converged, require_converged
from tests.connectors.faults import (
    Fault,
    FaultyProxy,
    at_another_time,
    drops_after_send,
    held,
    late,
    never_arrives,
    says,
    says_instead,
)
from tests.connectors.store import MemoryStore

ROOT = Path(__file__).parents[2]
NONSENSE = {
    "html": b"<html>Welcome to the proxy</html>",
    "a list": b'[{"name": 1}, null]',
    "numbers": b'{"variants": 7, "endpoints": 7, "status": 7, "registered_models": 7, "items": 7}',
    "nothing known": b'{"colour": {"of": "the sky"}}',
    "too much": b'{"x": "' + b"y" * (17 << 20) + b'"}',
}


class FaultContract:
    """What a connector does when the way, the clock, the credentials or the backend fail."""

    @pytest.fixture
    def proxy(self, bench: Bench) -> Iterator[FaultyProxy]:
        with bench.proxy() as running:
            yield running

    @pytest.fixture
    def faulty(self, bench: Bench, store: MemoryStore, proxy: FaultyProxy) -> Connector:
        return bench.connector(store, **bench.at(proxy.url), read_seconds=bench.seconds)

    @pytest.fixture
    def changes(self, bench: Bench, faulty: Connector, proxy: FaultyProxy, endpoint: str, one: VersionRef) -> int:
        """How many requests of an apply change something; found out on endpoints of their own."""
        for name in ("rehearsal-a", f"{endpoint}-rehearsal"):
            with proxy.on(says(200), after=10_000):
                applied(faulty, desired(name, 1, one, deployment="rehearsal"))
                found = proxy.changes
        faulty.delete(f"{endpoint}-rehearsal", op=op())
        assert found, "an apply without a request that changes something: is `reads` right?"
        return found

    @pytest.mark.parametrize("fault", [drops_after_send, never_arrives], ids=["after", "before"])
    @pytest.mark.parametrize("which", ["first", "last"])
    def test_lost_connection_converges(
        self,
        faulty: Connector,
        proxy: FaultyProxy,
        changes: int,
        endpoint: str,
        one: VersionRef,
        fault: Fault,
        which: str,
    ) -> None:
        plan, attempt = desired(endpoint, 1, one), op()
        with proxy.on(fault, nth_change=changes if which == "last" else 1):
            with pytest.raises((OutcomeUnknown, Transient)) as caught:
                applied(faulty, plan, attempt)
            assert proxy.fired
        assert not caught.value.permanent
        faulty.observe(endpoint)
        applied(faulty, plan, attempt)
        require_converged(faulty, plan)

    def test_late_success_is_an_unknown_outcome(
        self, bench: Bench, backend: Connector, faulty: Connector, proxy: FaultyProxy, changes: int, endpoint: str,
        one: VersionRef,
    ) -> None:  # fmt: skip
        """The answer comes after the wait: not known, then observed, and no second effect."""
        plan, attempt = desired(endpoint, 1, one), op()
        slow = late(bench.seconds + 0.7)
        with proxy.on(slow, nth_change=changes), pytest.raises((OutcomeUnknown, Transient)):
            applied(faulty, plan, attempt)
        applied(faulty, plan, attempt)
        require_converged(backend, plan)
        before = backend.observe(endpoint)
        applied(faulty, plan, attempt)
        assert backend.observe(endpoint) == before

    def test_killed_in_the_middle_converges(
        self, bench: Bench, backend: Connector, proxy: FaultyProxy, store: MemoryStore, changes: int, endpoint: str,
        one: VersionRef,
    ) -> None:  # fmt: skip
        """Kill -9 between sending and noting: the same key converges, in another process."""
        plan, attempt = desired(endpoint, 1, one), op()
        config = {**bench.config, **bench.at(proxy.url), "read_seconds": 30}
        work = Work(bench.id, config, dict(bench.secrets), plan, attempt, store.contents)
        done, release = threading.Event(), threading.Event()
        with proxy.on(held(done, release), nth_change=changes):
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.connectors.applying"], stdin=subprocess.PIPE, cwd=ROOT
            )
            assert worker.stdin is not None
            worker.stdin.write(pickle.dumps(work))
            worker.stdin.close()
            arrived = done.wait(30)
            worker.kill()
            assert worker.wait(10) == -9
            release.set()
        assert arrived
        applied(backend, plan, attempt)
        require_converged(backend, plan)

    def test_backend_that_asks_to_wait(
        self, bench: Bench, faulty: Connector, proxy: FaultyProxy, endpoint: str, one: VersionRef
    ) -> None:
        plan = desired(endpoint, 1, one)
        with proxy.on(says(429, Retry_After="7")), pytest.raises(RateLimited) as caught:
            applied(faulty, plan)
        assert not caught.value.permanent
        assert caught.value.retry_after == (7 if bench.tells_retry_after else 1)
        applied(faulty, plan)
        require_converged(faulty, plan)

    def test_storm_of_errors_passes(
        self, faulty: Connector, proxy: FaultyProxy, endpoint: str, one: VersionRef
    ) -> None:
        plan = desired(endpoint, 1, one)
        applied(faulty, plan)
        with proxy.on(says(500), times=None):
            for call in calls(faulty, endpoint):
                with pytest.raises((Transient, OutcomeUnknown)) as caught:
                    call()
                assert not caught.value.permanent
        require_converged(faulty, plan)

    def test_credentials_that_expire_in_the_middle(
        self, faulty: Connector, proxy: FaultyProxy, changes: int, endpoint: str, one: VersionRef
    ) -> None:
        plan, attempt = desired(endpoint, 1, one), op()
        with proxy.on(says(401), nth_change=changes, times=None), pytest.raises(AuthFailed):
            applied(faulty, plan, attempt)
        assert not is_converged(faulty, plan)
        applied(faulty, plan, attempt)
        require_converged(faulty, plan)

    @pytest.mark.parametrize("body", NONSENSE.values(), ids=NONSENSE)
    def test_answers_without_sense(
        self, faulty: Connector, proxy: FaultyProxy, endpoint: str, one: VersionRef, body: bytes
    ) -> None:
        """Nothing but a typed error comes out, and nonsense never looks like what is desired."""
        plan = desired(endpoint, 1, one)
        applied(faulty, plan)
        with proxy.on(says_instead(body), times=None):
            for call in calls(faulty, endpoint)[:3]:
                with contextlib.suppress(ConnectorError):
                    call()
            assert not is_converged(faulty, plan)
        applied(faulty, plan)
        require_converged(faulty, plan)

    def test_backend_that_says_yes_and_does_nothing(
        self, faulty: Connector, proxy: FaultyProxy, endpoint: str, one: VersionRef, two: VersionRef
    ) -> None:
        """Success is what is observed, never what is answered."""
        applied(faulty, desired(endpoint, 1, one))
        plan = desired(endpoint, 2, two)
        with proxy.on(says(200, b"{}"), nth_change=1, times=None):
            with contextlib.suppress(ConnectorError):
                applied(faulty, plan)
            assert proxy.fired
        assert not is_converged(faulty, plan)
        applied(faulty, plan)
        require_converged(faulty, plan)

    @pytest.mark.parametrize("date", ["Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"])
    def test_clock_of_the_backend_is_wrong(
        self, faulty: Connector, proxy: FaultyProxy, endpoint: str, one: VersionRef, date: str
    ) -> None:
        plan = desired(endpoint, 1, one)
        with proxy.on(at_another_time(date), times=None):
            applied(faulty, plan)
            require_converged(faulty, plan)

    def test_wrong_secret(self, bench: Bench, endpoint: str) -> None:
        stranger = bench.connector(secrets=dict.fromkeys(bench.secrets, "not-the-secret"))
        for call in calls(stranger, endpoint):
            with pytest.raises(AuthFailed):
                call()

    def test_backend_down(self, bench: Bench, endpoint: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        gone = bench.connector(**bench.at(f"http://127.0.0.1:{port}"))
        for call in calls(gone, endpoint):
            with pytest.raises((Transient, OutcomeUnknown)) as caught:
                call()
            assert not caught.value.permanent

    @pytest.fixture
    def silent(self) -> Iterator[str]:
        """An address that accepts connections and never says anything."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"

    def test_backend_that_never_answers(self, bench: Bench, endpoint: str, silent: str) -> None:
        stuck = bench.connector(**bench.at(silent), read_seconds=0.2)
        for call in calls(stuck, endpoint):
            with pytest.raises((Transient, OutcomeUnknown)):
                call()

    def test_secrets_do_not_show(
        self, bench: Bench, backend: Connector, endpoint: str, silent: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Neither in errors, nor in what is printed, nor in a log that keeps everything."""
        caplog.set_level(logging.DEBUG)
        shown = [repr(backend), str(vars(backend)), str(described(bench.id))]
        applied(backend, desired(endpoint, 1, version(backend.store, 1)))  # type: ignore[attr-defined]
        backend.observe(endpoint)
        for broken in (
            bench.connector(**bench.at(silent), read_seconds=0.2),
            bench.connector(secrets={k: f"{v}x" for k, v in bench.secrets.items()}),
        ):
            for call in calls(broken, endpoint):
                with pytest.raises(ConnectorError) as caught:
                    call()
                shown += [str(caught.value), repr(caught.value), str(vars(caught.value))]
        assert not [text for text in [*shown, caplog.text] if bench.secret in text]
