"""Content-addressed bytes: the name of a blob is its SHA-256, so what is read is what was stored."""

import hashlib
import os
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec
from django.conf import settings

from mrm.core.refusal import Invalid, Refused

CHUNK = 1024 * 1024


@dataclass(frozen=True)
class Blob:
    sha256: str
    size: int


def _place(name: str) -> tuple[Any, str]:
    system, root = fsspec.core.url_to_fs(settings.STORAGE_URL)
    return system, f"{root}/{name}"


def _path(sha256: str) -> str:
    if len(sha256) != 64 or any(sign not in "0123456789abcdef" for sign in sha256):
        raise ValueError("a blob is named by 64 hexadecimal digits")
    return f"sha256/{sha256[:2]}/{sha256}"


def put(chunks: Iterable[bytes], *, expected: str | None = None, largest: int | None = None) -> Blob:
    """Store the bytes under their digest; refuse what is too large or not what was announced."""
    digest, size = hashlib.sha256(), 0
    limit = largest if largest is not None else settings.LARGEST_UPLOAD
    system, temporary = _place(f"incoming/{uuid.uuid4().hex}")
    system.makedirs(os.path.dirname(temporary), exist_ok=True)  # noqa: PTH120  an address within the store
    try:
        with system.open(temporary, "wb") as target:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    raise Invalid(f"The file is larger than {limit // (1024 * 1024)} MiB, the largest that is taken.")
                digest.update(chunk)
                target.write(chunk)
        blob = Blob(digest.hexdigest(), size)
        if size == 0:
            raise Invalid("The file is empty.")
        if expected and expected.lower() != blob.sha256:
            raise Invalid(
                f"The bytes received have SHA-256 {blob.sha256}, but {expected.lower()} was announced;"
                " the upload was cut short or is another file. Send it again."
            )
        _keep(system, temporary, blob)
    except OSError as error:
        raise Refused(f"The storage took no more bytes ({error.strerror or error}); nothing was recorded.") from error
    finally:
        if system.exists(temporary):
            system.rm(temporary)
    return blob


def _keep(system: Any, temporary: str, blob: Blob) -> None:
    _, target = _place(_path(blob.sha256))
    if not system.exists(target):
        system.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH120  an address within the store
        system.mv(temporary, target)


def put_bytes(content: bytes) -> Blob:
    return put([content])


def put_file(path: Path) -> Blob:
    with path.open("rb") as source:
        return put(iter(lambda: source.read(CHUNK), b""))


@contextmanager
def opened(sha256: str) -> Iterator[IO[bytes]]:
    """The stored bytes as a stream, unverified; use `fetch` where it matters."""
    system, target = _place(_path(sha256))
    if not system.exists(target):
        raise Refused(f"The bytes of {sha256[:12]}… are not in the storage.")
    with system.open(target, "rb") as source:
        yield source


def read(sha256: str) -> bytes:
    with opened(sha256) as source:
        content = source.read()
    _check(hashlib.sha256(content).hexdigest(), sha256)
    return content


def fetch(sha256: str, folder: Path | None = None) -> Path:
    """Copy the blob to a local file, verifying the digest of what was read."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=f"{sha256[:12]}-")
    digest = hashlib.sha256()
    try:
        with opened(sha256) as source, os.fdopen(handle, "wb") as target:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                target.write(chunk)
        _check(digest.hexdigest(), sha256)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _check(found: str, wanted: str) -> None:
    if found != wanted:
        raise Refused(
            f"The stored bytes of {wanted[:12]}… have the digest {found[:12]}…: they were changed in the storage."
        )
