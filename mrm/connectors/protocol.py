"""The connector protocol: capabilities, the calls, and the values and errors they use."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Flag, auto
from typing import IO, Any, BinaryIO, ClassVar, Protocol, runtime_checkable

from mrm.serving import (
    Action,
    Condition,
    Failover,
    LoggedInputs,
    LogPolicy,
    OnWithdrawn,
    SegmentRule,
    Serving,
)

from .answers import BatchResult, Listed, Observed, ObservedVariant, Page, Result
from .errors import (
    AuthFailed,
    Conflict,
    ConnectorError,
    Integrity,
    Invalid,
    NotFound,
    NotYet,
    OutcomeUnknown,
    RateLimited,
    Transient,
    Unsupported,
)
from .values import (
    FULL,
    Artifact,
    ArtifactFile,
    Batch,
    Desired,
    Op,
    Role,
    Variant,
    VersionRef,
    artifact_digest,
)

API_VERSION = 1


class Cap(Flag):
    """What a connector promises. What it does not promise it refuses with Unsupported."""

    NONE = 0
    DEPLOY = auto()
    SPLIT = auto()
    CANARY = auto()
    SHADOW = auto()
    FALLBACK = auto()
    BATCH = auto()
    PREDICT = auto()
    OBSERVE_VERSION = auto()
    OBSERVE_DIGEST = auto()
    DECLARED_ONLY = auto()  # what is observed is a declaration; the scoring process is not seen
    ETAG = auto()
    NATIVE_ROLLBACK = auto()
    INVENTORY = auto()
    PULL_LOGS = auto()
    ADOPT = auto()
    TELLS = auto()  # each answer names the version and the digest of the bytes that gave it
    RULES = auto()  # serves by the rules of `Serving`: segment, fail-over, log, approvals that end


class ArtifactStore(Protocol):
    """Where a connector reads the bytes it deploys. It hashes them while they pass."""

    def open(self, artifact: Artifact, name: str) -> BinaryIO: ...


@runtime_checkable
class Connector(Protocol):
    """One backend. Bodies and answers of `predict` are Open Inference Protocol V2 JSON.

    A file of a batch is CSV without a header: the row's place in the data, from 0, and its features in the order of the
    version, empty where missing. What came of it is fetched as CSV of place and score, a line for each row in the order sent.
    """

    id: ClassVar[str]
    api_version: ClassVar[int]
    config_schema: ClassVar[Mapping[str, Any]]
    secret_fields: ClassVar[tuple[str, ...]]  # configuration fields that hold the name of a secret
    most_minutes: ClassVar[float]  # that one change may take before its outcome counts as unknown
    signing_fields: ClassVar[tuple[str, ...]]  # those of them whose secret signs with Ed25519, and is never sent

    @property
    def caps(self) -> Cap: ...

    def check(self) -> str: ...

    def observe(self, endpoint: str) -> Observed: ...

    def apply(self, desired: Desired, *, op: Op, expect_etag: str | None = None) -> Result: ...

    def poll(self, handle: str) -> Result: ...

    def delete(self, endpoint: str, *, op: Op) -> Result: ...

    def predict(
        self, endpoint: str, version: str | None, body: Mapping[str, Any], *, timeout: float
    ) -> dict[str, Any]: ...

    def stage_batch(self, batch: Batch, file: ArtifactFile, content: IO[bytes], *, op: Op) -> None: ...

    def find_batch(self, endpoint: str, batch: Batch) -> BatchResult | None: ...

    def submit_batch(self, endpoint: str, batch: Batch, *, op: Op) -> BatchResult: ...

    def poll_batch(self, handle: str) -> BatchResult: ...

    def cancel_batch(self, handle: str, *, op: Op) -> BatchResult: ...

    def fetch_batch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None: ...

    def clear_batch(self, batch: Batch, names: Iterable[str], *, op: Op) -> None: ...

    def list_models(self, cursor: str | None = None) -> Page: ...

    def pull_logs(self, cursor: str | None = None) -> tuple[list[dict[str, Any]], str | None]: ...

    def adopt(self, endpoint: str) -> Observed: ...

    def tell_approval(self, approval_id: str, standing: str, *, at: datetime, reason: str, op: Op) -> Result: ...

    def fail_back(self, endpoint: str, *, person: str, reason: str, op: Op) -> Result: ...


__all__ = [
    "API_VERSION",
    "FULL",
    "Action",
    "Artifact",
    "ArtifactFile",
    "ArtifactStore",
    "AuthFailed",
    "Batch",
    "BatchResult",
    "Cap",
    "Condition",
    "Conflict",
    "Connector",
    "ConnectorError",
    "Desired",
    "Failover",
    "Integrity",
    "Invalid",
    "Listed",
    "LogPolicy",
    "LoggedInputs",
    "NotFound",
    "NotYet",
    "Observed",
    "ObservedVariant",
    "OnWithdrawn",
    "Op",
    "OutcomeUnknown",
    "Page",
    "RateLimited",
    "Result",
    "Role",
    "SegmentRule",
    "Serving",
    "Transient",
    "Unsupported",
    "Variant",
    "VersionRef",
    "artifact_digest",
]
