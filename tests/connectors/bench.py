"""What a connector brings to the contract: a real backend, two versions, and ways to disturb it."""

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mrm.connectors.protocol import (
    Connector,
    Desired,
    Op,
    Result,
    Role,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import connector
from tests.connectors.faults import FaultyProxy
from tests.connectors.store import MemoryStore
from tests.gateway.models import matrix


class Bench(ABC):
    """A backend under test. `config` and `secrets` reach it with full rights."""

    id: str
    secret: str  # the value that must never show
    address = "base_url"  # the field of the configuration that names the backend's address
    reads = r"(?!)"  # paths of requests that change nothing although they are POSTs
    predicts_versions = False
    seconds = 1.5  # how long the backend may need when it is well
    warm_up = 5.0  # how long the first answer after an apply may take
    tells_retry_after = True
    poll_seconds: float | None = None  # of a connector whose changes take minutes where they are real
    most_mirrored = 10_000  # basis points of the requests that a shadow can be sent
    crowded = False  # whether what a test leaves behind must be removed for the next to have room
    config: Mapping[str, Any]
    secrets: Mapping[str, str]

    def connector(self, store: MemoryStore | None = None, **changes: Any) -> Connector:
        secrets = changes.pop("secrets", self.secrets)
        made = connector(self.id, {**self.config, **changes}, secrets, store or MemoryStore())
        if self.poll_seconds is not None:
            made.poll_seconds = self.poll_seconds  # type: ignore[attr-defined]
        return made

    def proxy(self) -> FaultyProxy:
        """A proxy that can fail, in front of the backend."""
        return FaultyProxy(self.config[self.address], reads=self.reads)

    def at(self, url: str) -> dict[str, Any]:
        """The part of the configuration that sends everything to another address."""
        return {self.address: url}

    @abstractmethod
    def disturb(self, endpoint: str) -> None:
        """Behind the connector's back, make the endpoint serve version 1 again."""

    def tamper(self, endpoint: str) -> None:
        """Behind the connector's back, change the stored bytes of what is served."""
        raise AssertionError(f"{self.id} promises OBSERVE_DIGEST and its bench cannot change bytes")


def version(store: MemoryStore, number: int) -> VersionRef:
    """Version `number`, with bytes of its own."""
    artifact = store.add(matrix(number).content)
    return VersionRef("credit", str(number), artifact, f"approval-{number}", artifact.digest)


def desired(endpoint: str, revision: int, champion: VersionRef, **changes: Any) -> Desired:
    """One champion with all the traffic."""
    plan = Desired("d-1", revision, endpoint, (Variant(Role.CHAMPION, champion, 10_000),))
    return replace(plan, **changes)


def op(seconds: float = 60) -> Op:
    return Op(uuid.uuid4().hex, uuid.uuid4().hex, datetime.now(UTC) + timedelta(seconds=seconds))


def settle(backend: Connector, result: Result, seconds: float = 60) -> Result:
    """Poll until the backend says that it is done."""
    end = time.monotonic() + seconds
    while not result.done:
        assert result.handle is not None
        assert time.monotonic() < end, f"not done within {seconds:.0f} seconds: {result}"
        time.sleep(min(result.poll_after or 0.1, 0.2))
        result = backend.poll(result.handle)
    return result


def applied(
    backend: Connector, plan: Desired, attempt: Op | None = None, *, seconds: float = 60, **more: Any
) -> Result:
    """Apply to the end."""
    return settle(backend, backend.apply(plan, op=attempt or op(), **more), seconds)


def deleted(backend: Connector, endpoint: str) -> Result:
    """Delete to the end."""
    return settle(backend, backend.delete(endpoint, op=op()))
