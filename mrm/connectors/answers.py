"""What a backend shows and answers, as frozen values."""

from dataclasses import asdict, dataclass
from typing import Any

from .values import sha256_of


@dataclass(frozen=True)
class ObservedVariant:
    """One variant as the backend shows it.

    `digest` is that of bytes read back, or None when the backend does not let us see them.
    `reason` says what is wrong, also with a variant that still answers. `mirror_bp` is None where it is not shown.
    `standing` is that of its approval as the backend knows it, `passed_over` why its requests go to the backup, empty while
    they do not; both are None where they are not shown.
    """

    name: str
    version: str
    digest: str | None
    ready: bool
    weight_bp: int
    managed: bool
    role: str = ""
    reason: str = ""
    mirror_bp: int | None = None
    standing: str | None = None
    passed_over: str | None = None

    def told(self) -> dict[str, Any]:
        """Its fields; what not every backend shows only where this one does."""
        some = {"mirror_bp", "standing", "passed_over"}
        return {k: v for k, v in asdict(self).items() if k not in some or v is not None}


@dataclass(frozen=True)
class Observed:
    """What the backend shows behind an endpoint, normalised so that it can be compared."""

    exists: bool
    variants: tuple[ObservedVariant, ...] = ()
    etag: str | None = None
    revision: int | None = None
    rules: str | None = None  # fingerprint of the rules it serves by, where the backend shows them

    def fingerprint(self) -> str:
        """SHA-256 of everything observed except the etag."""
        shown = {"exists": self.exists, "variants": [v.told() for v in self.variants], "revision": self.revision}
        return sha256_of(shown if self.rules is None else shown | {"rules": self.rules})


@dataclass(frozen=True)
class Result:
    """Done, or a handle to poll again after `poll_after` seconds."""

    done: bool
    handle: str | None = None
    poll_after: float | None = None
    message: str = ""


@dataclass(frozen=True)
class BatchResult:
    """Where a batch stands: ended, or to be asked for again by `handle` after `poll_after` seconds.

    `job` is the backend's own name for it. `digest` is that of the bytes that score, None where the backend does not show
    them.
    """

    done: bool
    job: str
    handle: str
    digest: str | None = None
    poll_after: float | None = None
    message: str = ""


@dataclass(frozen=True)
class Listed:
    """One model version found at a backend, for the inventory; `serving` when it answers, or is declared to."""

    name: str
    version: str
    digest: str | None
    source: str
    managed: bool
    aliases: tuple[str, ...] = ()
    serving: bool = True


@dataclass(frozen=True)
class Page:
    """Part of a listing; `cursor` asks for the next part, None ends it."""

    items: tuple[Listed, ...]
    cursor: str | None
