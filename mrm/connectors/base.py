"""What every connector refuses, and what it verifies before it sends anything."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any, ClassVar

from .protocol import (
    API_VERSION,
    Artifact,
    ArtifactFile,
    ArtifactStore,
    Batch,
    BatchResult,
    Cap,
    Desired,
    Integrity,
    Observed,
    Op,
    Page,
    Result,
    Role,
    Serving,
    Unsupported,
)

_CHUNK = 1 << 20
_IN_MEMORY = 32 << 20
_BATCH = "batch scoring"


class BaseConnector:
    """Refuses every optional call with Unsupported; a connector overrides what it declares."""

    id: ClassVar[str]
    title: ClassVar[str] = ""  # what people call such a place; its id where empty
    guide: ClassVar[tuple[str, ...]] = ()  # what must be there before one is added, a sentence or two each
    api_version: ClassVar[int] = API_VERSION
    config_schema: ClassVar[Mapping[str, Any]]
    secret_fields: ClassVar[tuple[str, ...]] = ()
    signing_fields: ClassVar[tuple[str, ...]] = ()
    caps: Cap = Cap.NONE
    most_minutes: ClassVar[float] = 5.0
    page_size = 100  # endpoints or models on one page of a listing

    def __init__(self, config: Mapping[str, Any], secrets: Mapping[str, str], store: ArtifactStore) -> None:
        """`config` was checked against `config_schema`; `secrets` maps secret fields to values."""
        self.config = dict(config)
        self.store = store

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.config.get('base_url', '')}>"

    @classmethod
    def why_no_batch(cls, config: Mapping[str, Any]) -> str | None:
        """Why a place with this configuration takes no data sets although its kind does, as a sentence, or None."""
        return None

    @classmethod
    def why_not_format(cls, format: str) -> str | None:
        """Why a place of this kind scores no data sets with artifacts of this format, as a sentence, or None."""
        return None

    def stage_batch(self, batch: Batch, file: ArtifactFile, content: IO[bytes], *, op: Op) -> None:
        raise self.unsupported(_BATCH)

    def find_batch(self, endpoint: str, batch: Batch) -> BatchResult | None:
        raise self.unsupported(_BATCH)

    def submit_batch(self, endpoint: str, batch: Batch, *, op: Op) -> BatchResult:
        raise self.unsupported(_BATCH)

    def poll_batch(self, handle: str) -> BatchResult:
        raise self.unsupported(_BATCH)

    def cancel_batch(self, handle: str, *, op: Op) -> BatchResult:
        raise self.unsupported(_BATCH)

    def fetch_batch(self, batch: Batch, file: ArtifactFile, target: IO[bytes]) -> None:
        raise self.unsupported(_BATCH)

    def clear_batch(self, batch: Batch, names: Iterable[str], *, op: Op) -> None:
        raise self.unsupported(_BATCH)

    def list_models(self, cursor: str | None = None) -> Page:
        raise self.unsupported("listing models")

    def pull_logs(self, cursor: str | None = None) -> tuple[list[dict[str, Any]], str | None]:
        raise self.unsupported("pulling prediction logs")

    def adopt(self, endpoint: str) -> Observed:
        raise self.unsupported("adopting an existing endpoint")

    def tell_approval(self, approval_id: str, standing: str, *, at: datetime, reason: str, op: Op) -> Result:
        raise self.unsupported("hearing that an approval no longer stands")

    def fail_back(self, endpoint: str, *, person: str, reason: str, op: Op) -> Result:
        raise self.unsupported("going back after a fail-over")

    def unsupported(self, what: str) -> Unsupported:
        return Unsupported(f"The {self.id} connector does not support {what}.")

    def refuse_undeclared(self, desired: Desired, expect_etag: str | None) -> None:
        """A field that would be silently ignored is an error, not a success."""
        roles = {v.role for v in desired.variants}
        asked = {
            Cap.SHADOW: (
                Role.SHADOW in roles or any(v.mirror_bp for v in desired.variants),
                "shadow traffic",
            ),
            Cap.FALLBACK: (Role.FALLBACK in roles, "a fallback model"),
            Cap.SPLIT: (Role.CHALLENGER in roles, "splitting traffic between versions"),
            Cap.RULES: (desired.rules != Serving(), "rules about segment, fail-over, log or withdrawn approvals"),
            Cap.ETAG: (expect_etag is not None, "a condition on the observed state"),
        }
        for cap, (wanted, what) in asked.items():
            if wanted and cap not in self.caps:
                raise self.unsupported(what)

    @contextmanager
    def verified(self, artifact: Artifact, file: ArtifactFile) -> Iterator[IO[bytes]]:
        """The file's bytes, copied and hashed before a single one leaves."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            digest = hashlib.sha256()
            with self.store.open(artifact, file.name) as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    spool.write(chunk)
            if digest.hexdigest() != file.digest or spool.tell() != file.size:
                raise Integrity(f"The stored bytes of {file.name} are not those of its recorded digest.")
            spool.seek(0)
            yield spool


def refuse_unapproved_bytes(desired: Desired) -> None:
    """The gate in the core decides; a connector still never sends other bytes than approved."""
    for variant in desired.variants:
        if variant.version.artifact.digest != variant.version.approved_digest:
            raise Integrity(
                f"Version {variant.version.version} was approved with another digest than its artifact has."
            )
