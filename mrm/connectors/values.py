"""The frozen values that cross the connector protocol."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from mrm.serving import Serving

from .errors import Integrity, Invalid

FULL = 10_000
_HEX = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[A-Za-z0-9-]{1,60}")
_ENDPOINT = re.compile(r"[^/:\x00-\x1f\x7f]{1,200}")


class Role(StrEnum):
    """What a variant does behind its endpoint."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"
    FALLBACK = "fallback"


@dataclass(frozen=True)
class ArtifactFile:
    """One file of an artifact: its relative name, SHA-256 in lower-case hex, and size in bytes."""

    name: str
    digest: str
    size: int

    def __post_init__(self) -> None:
        parts = self.name.split("/")
        if self.name.startswith("/") or "\\" in self.name or {"", ".", ".."} & set(parts):
            raise Invalid(f"The file name {self.name!r} does not stay inside its artifact.")
        _require_digest(self.digest, f"file {self.name}")


@dataclass(frozen=True)
class Artifact:
    """The bytes of a version. `digest` follows from `files` by `artifact_digest`."""

    uri: str
    digest: str
    format: str
    files: tuple[ArtifactFile, ...]

    def __post_init__(self) -> None:
        _require_digest(self.digest, "artifact")
        if not self.files:
            raise Invalid("An artifact needs at least one file.")
        if artifact_digest({file.name: file.digest for file in self.files}) != self.digest:
            raise Integrity("The artifact's digest does not follow from the digests of its files.")


@dataclass(frozen=True)
class VersionRef:
    """An approved version: which bytes, approved by which decision under which digest.

    `features` is the column order of a model that takes one matrix.
    """

    model: str
    version: str
    artifact: Artifact
    approval_id: str
    approved_digest: str
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _ENDPOINT.fullmatch(self.version):
            raise Invalid("A version needs 1 to 200 characters, without '/', ':' or control characters.")


@dataclass(frozen=True)
class Variant:
    """One version in one role, with its share of the traffic in basis points."""

    role: Role
    version: VersionRef
    weight_bp: int = 0
    mirror_bp: int = 0


@dataclass(frozen=True)
class Desired:
    """What should run behind an endpoint. Immutable; a rollback is older content, newly numbered."""

    deployment: str
    revision: int
    endpoint: str
    variants: tuple[Variant, ...]
    serving: Serving | None = None

    def __post_init__(self) -> None:
        require_endpoint(self.endpoint)
        if self.revision < 1:
            raise Invalid("Revisions count from 1.")
        if [v.role for v in self.variants].count(Role.CHAMPION) != 1:
            raise Invalid("A deployment needs exactly one champion.")
        versions = [v.version.version for v in self.variants]
        if len(set(versions)) != len(versions):
            raise Invalid("A version may stand only once behind an endpoint.")
        _require_weights(self.variants)
        self._require_backup()

    @property
    def champion(self) -> VersionRef:
        return next(v.version for v in self.variants if v.role == Role.CHAMPION)

    @property
    def rules(self) -> Serving:
        """The rules it serves by; the defaults when none were set."""
        return self.serving or Serving()

    def fingerprint(self) -> str:
        """SHA-256 of the content without its revision: equal content, equal fingerprint.

        Rules that are the defaults are not part of it.
        """
        left_out = {"revision", *(["serving"] if self.rules == Serving() else [])}
        return sha256_of({k: v for k, v in asdict(self).items() if k not in left_out})

    def _require_backup(self) -> None:
        backups = [v.role for v in self.variants].count(Role.FALLBACK)
        if backups > 1:
            raise Invalid("A deployment has one backup at most.")
        if self.rules.needs_backup and not backups:
            raise Invalid("The rules send requests to a backup, and the deployment has none.")


@dataclass(frozen=True)
class Batch:
    """Rows that a backend scores as a whole, by the champion of an endpoint that is this version with these bytes.

    The same key is the same batch, however often it is asked for: where its files lie and what its job is called follow
    from it. `format` is that of the artifact, `features` name the columns in their order, both empty where not told.
    """

    key: str
    version: str
    digest: str
    format: str = ""
    features: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise Invalid("The key of a batch has 1 to 60 letters, digits or '-'.")
        _require_digest(self.digest, "batch")


@dataclass(frozen=True)
class Op:
    """One attempt to change a backend. The same key must converge to the same state.

    `deadline` carries its time zone. `seen` is the fingerprint of the state that somebody planned this on, knowing whose
    it is: what others brought is taken over on exactly that state, and else refused.
    """

    id: str
    idempotency_key: str
    deadline: datetime | None = None
    seen: str = ""

    def remaining(self) -> float | None:
        """Seconds until the deadline, never negative; None without one."""
        if self.deadline is None:
            return None
        return max(0.0, (self.deadline - datetime.now(UTC)).total_seconds())


def artifact_digest(files: Mapping[str, str]) -> str:
    """The digest of an artifact: of its only file, or of the sorted list of `digest  name` lines."""
    if len(files) == 1:
        return next(iter(files.values()))
    lines = "".join(f"{files[name]}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()


def require_endpoint(name: str) -> None:
    """Names must survive in a URL path and in a registry."""
    if not _ENDPOINT.fullmatch(name) or name in {".", ".."} or name != name.strip():
        raise Invalid(
            "An endpoint name needs 1 to 200 characters, without '/', ':', control characters or spaces at its ends."
        )


def _require_weights(variants: Iterable[Variant]) -> None:
    live = (Role.CHAMPION, Role.CHALLENGER)
    variants = tuple(variants)
    if any(not 0 <= bp <= FULL for v in variants for bp in (v.weight_bp, v.mirror_bp)):
        raise Invalid("Shares of traffic lie between 0 and 10000 basis points.")
    if any(v.weight_bp for v in variants if v.role not in live):
        raise Invalid("Only champion and challengers take a share of the traffic.")
    if any(v.mirror_bp for v in variants if v.role != Role.SHADOW):
        raise Invalid("Only a shadow is sent mirrored requests.")
    total = sum(v.weight_bp for v in variants)
    if total != FULL:
        raise Invalid(f"The shares of the traffic add up to {total} basis points instead of {FULL}.")


def _require_digest(digest: str, what: str) -> None:
    if not _HEX.fullmatch(digest):
        raise Invalid(f"The digest of the {what} is not a SHA-256 in lower-case hex.")


def sha256_of(content: Any) -> str:
    """The digest of a value's canonical JSON."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
