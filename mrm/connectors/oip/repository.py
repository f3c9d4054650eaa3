"""The folder that MLServer loads from: one folder per served version, and what points to it.

Everything is written beside its place and renamed into it, so that a server or a crash never sees
half of it. Names that begin with a dot are not looked at by the server.
"""

import fcntl
import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import Conflict, Invalid
from ..names import hashed

SETTINGS, MARK, FILES = "model-settings.json", "mrm.json", "artifact"
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,90}")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Pointer:
    """Which served version stands for an endpoint, and on whose behalf."""

    endpoint: str
    deployment: str
    revision: int
    served: str
    model: str
    version: str
    digest: str
    approval_id: str


@dataclass(frozen=True)
class Seen:
    """What the folder of a served version holds now; `digests` by file name."""

    settings: Mapping[str, Any]
    digests: Mapping[str, str]

    @property
    def version(self) -> str:
        parameters = self.settings.get("parameters")
        return str(parameters.get("version", "")) if isinstance(parameters, dict) else ""


class Repository:
    """The shared folder. It is ours to write only where our mark is."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)
        self._ours = self._root / ".mrm"

    def require(self) -> None:
        if not self._root.is_dir():
            raise Invalid(f"The repository folder {self._root} does not exist here.")

    @contextmanager
    def locked(self, endpoint: str) -> Iterator[None]:
        """One writer per endpoint; whoever comes second observes and tries again."""
        self.require()
        self._ours.mkdir(exist_ok=True)
        with (self._ours / f"{hashed(endpoint)}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(f"Somebody else is changing {endpoint} at this moment.") from None
            yield

    def pointer(self, endpoint: str) -> Pointer | None:
        found = _read(self._ours / f"{hashed(endpoint)}.json")
        if found is None:
            return None
        try:
            return Pointer(**found)
        except TypeError:
            raise Invalid(f"The record of {endpoint} in the repository folder is damaged.") from None

    def point(self, pointer: Pointer) -> None:
        place = self._ours / f"{hashed(pointer.endpoint)}.json"
        fresh = place.with_suffix(f".{uuid.uuid4().hex}")
        fresh.write_text(json.dumps(asdict(pointer)))
        fresh.replace(place)

    def forget(self, endpoint: str) -> None:
        (self._ours / f"{hashed(endpoint)}.json").unlink(missing_ok=True)

    @contextmanager
    def staged(self, served: str, endpoint: str) -> Iterator[Path]:
        """A folder to fill; it takes its place when everything in it was written."""
        self._require_ours(served, endpoint)
        fresh, place = self._ours / f"new-{uuid.uuid4().hex}", self._root / served
        fresh.mkdir()
        try:
            yield fresh
            (fresh / MARK).write_text(json.dumps({"endpoint": endpoint}))
            if place.exists():
                self._discard(place)
            fresh.rename(place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def seen(self, served: str) -> Seen | None:
        """The folder as it is now, every file hashed; None when it is gone."""
        place = self._root / served
        if not place.is_dir():
            return None
        files = sorted(path for path in (place / FILES).rglob("*") if path.is_file())
        digests = {path.relative_to(place / FILES).as_posix(): _digest(path) for path in files}
        return Seen(_read(place / SETTINGS) or {}, digests)

    def owned(self, endpoint: str) -> list[str]:
        """Served names that carry our mark for this endpoint."""
        return sorted(name for name, owner in self.owners().items() if owner == endpoint)

    def owners(self) -> dict[str, str]:
        """Endpoint by served name, for every folder that carries our mark."""
        self.require()
        marks = {mark.parent.name: _read(mark) for mark in self._root.glob(f"*/{MARK}")}
        return {name: str(mark.get("endpoint", "")) for name, mark in marks.items() if mark is not None}

    def remove(self, served: str) -> None:
        if (self._root / served).exists():
            self._discard(self._root / served)

    def _require_ours(self, served: str, endpoint: str) -> None:
        place = self._root / served
        if place.exists() and (_read(place / MARK) or {}).get("endpoint") != endpoint:
            raise Conflict(f"Somebody else keeps a model named {served} in the repository folder.")

    def _discard(self, place: Path) -> None:
        old = self._ours / f"old-{uuid.uuid4().hex}"
        place.rename(old)
        shutil.rmtree(old)


def served_name(endpoint: str, version: str) -> str:
    """One served name per version; a digest where the name would not survive as a folder or a path."""
    plain = all(_PLAIN.fullmatch(part) and "--v" not in part for part in (endpoint, version))
    if plain and not endpoint.startswith("mrm-"):
        return f"{endpoint}--v{version}"
    return f"mrm-{hashed(endpoint, version)[:40]}"


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
