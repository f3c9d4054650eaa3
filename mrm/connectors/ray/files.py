"""The folder that Ray's workers share: bytes lie under their digest, and a lock lets one write at a time."""

import fcntl
import hashlib
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..errors import Conflict, Invalid
from ..values import artifact_digest

_CHUNK = 1 << 20


class Files:
    """Artifacts by digest, below one folder."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def require(self) -> None:
        if not self._root.is_dir():
            raise Invalid(f"The shared folder {self._root} does not exist here.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Ray takes its whole configuration at once and compares nothing, so one writes at a time."""
        self.require()
        with (self._root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict("Another deployment to this Ray cluster is under way.") from None
            yield

    def place(self, digest: str) -> Path:
        return self._root / digest

    def digest(self, digest: str) -> str | None:
        """The digest of what lies there now; None when nothing does."""
        place = self.place(digest)
        files = sorted(path for path in place.rglob("*") if path.is_file())
        return artifact_digest({path.relative_to(place).as_posix(): _hash(path) for path in files}) if files else None

    @contextmanager
    def fresh(self, digest: str) -> Iterator[Path]:
        """A folder to fill, renamed into its place when everything was written."""
        new = self._root / f".new-{uuid.uuid4().hex}"
        new.mkdir()
        try:
            yield new
            shutil.rmtree(self.place(digest), ignore_errors=True)
            new.rename(self.place(digest))
        finally:
            shutil.rmtree(new, ignore_errors=True)


def write(folder: Path, name: str, content: IO[bytes]) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as out:
        shutil.copyfileobj(content, out)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
