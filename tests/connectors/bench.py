"""What a connector brings to the contract: a real backend, two versions, and ways to disturb it."""

import hashlib
import io
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from mrm.connectors.protocol import (
    Artifact,
    ArtifactFile,
    Connector,
    Desired,
    Op,
    Role,
    Variant,
    VersionRef,
)
from mrm.connectors.registry import connector
from tests.gateway.models import matrix


class MemoryStore:
    """Artifacts by digest. A test may put other bytes under a digest."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def open(self, artifact: Artifact, name: str) -> BinaryIO:
        return io.BytesIO(self.contents[artifact.digest])

    def add(self, content: bytes) -> Artifact:
        digest = hashlib.sha256(content).hexdigest()
        self.contents[digest] = content
        file = ArtifactFile("model.onnx", digest, len(content))
        return Artifact(f"memory:{digest}", digest, "onnx", (file,))


class Bench(ABC):
    """A backend under test. `config` and `secrets` reach it with full rights."""

    id: str
    secret: str  # the value that must never show
    predicts_versions = False
    config: Mapping[str, Any]
    secrets: Mapping[str, str]

    def connector(self, store: MemoryStore | None = None, **changes: Any) -> Connector:
        secrets = changes.pop("secrets", self.secrets)
        return connector(self.id, {**self.config, **changes}, secrets, store or MemoryStore())

    @abstractmethod
    def disturb(self, endpoint: str) -> None:
        """Behind the connector's back, make the endpoint serve version 1 again."""

    @abstractmethod
    def tamper(self, endpoint: str) -> None:
        """Behind the connector's back, change the stored bytes of what is served."""


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
