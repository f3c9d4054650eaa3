"""Model files on disk, named by their SHA-256 and never changed."""

import hashlib
import os
import re
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from .refusal import Refused

_HEX = re.compile(r"[0-9a-f]{64}")


class Artifacts:
    """A content-addressed folder. Bytes are verified when they arrive and each time they are read."""

    def __init__(self, root: Path, max_bytes: int) -> None:
        self._root, self._incoming = root / "artifacts", root / "incoming"
        self._refused = root / "refused"
        self._max_bytes = max_bytes
        for folder in (self._root, self._incoming, self._refused):
            folder.mkdir(parents=True, exist_ok=True)
        for left_over in self._incoming.iterdir():
            left_over.unlink()

    async def receive(self, digest: str, chunks: AsyncIterator[bytes]) -> int:
        """Store a stream under its digest and return its size; wrong bytes leave nothing behind."""
        require_digest(digest)
        handle, name = tempfile.mkstemp(dir=self._incoming)
        try:
            with os.fdopen(handle, "wb") as target:
                size, found = 0, hashlib.sha256()
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._max_bytes:
                        raise Refused(413, f"The artifact is larger than {self._max_bytes} bytes.")
                    found.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            if found.hexdigest() != digest:
                raise Refused(422, "The bytes received do not have the digest they were sent under.")
            self._keep(Path(name), digest)
        finally:
            Path(name).unlink(missing_ok=True)
        return size

    def read(self, digest: str) -> bytes:
        """The verified bytes, or a refusal that says what is wrong with the file."""
        require_digest(digest)
        try:
            content = self._path(digest).read_bytes()
        except FileNotFoundError:
            raise Refused(409, complaint(digest, None)) from None
        if wrong := complaint(digest, hashlib.sha256(content).hexdigest()):
            raise Refused(422, wrong)
        return content

    def found(self, digest: str) -> str | None:
        """The digest of the bytes that are stored under this one now; None where there are none."""
        require_digest(digest)
        try:
            return hashlib.sha256(self._path(digest).read_bytes()).hexdigest()
        except FileNotFoundError:
            return None

    def _keep(self, arrived: Path, digest: str) -> None:
        place = self._path(digest)
        place.parent.mkdir(exist_ok=True)
        if self.found(digest) not in (None, digest):
            place.rename(self._refused / f"{digest}-{time.time_ns()}")  # the changed file is evidence
        arrived.chmod(0o440)
        arrived.replace(place)
        sync_folder(place.parent)

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest


def complaint(digest: str, found: str | None) -> str:
    """Why what is stored under a digest, of which `found` is the digest, cannot be used; empty when it is intact."""
    if found is None:
        return f"The artifact {digest} was never uploaded or is missing."
    return "" if found == digest else f"The stored file of {digest} was changed and is refused."


def require_digest(digest: str) -> None:
    """Digests become file names."""
    if not _HEX.fullmatch(digest):
        raise Refused(400, "A digest is a SHA-256 in lower-case hex.")


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
