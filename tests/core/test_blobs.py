"""Bytes are kept under their digest, or not at all."""

import hashlib
import resource
from pathlib import Path
from typing import Any

import pytest

from mrm.core import blobs
from mrm.core.refusal import Invalid, Refused

CONTENT = b"model" * 1000


@pytest.fixture
def storage(settings: Any, tmp_path: Path) -> Path:
    """A storage in which nothing lies yet."""
    settings.STORAGE_URL = f"file://{tmp_path}/blobs"
    return tmp_path


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_read(storage: Path) -> None:
    blob = blobs.put([CONTENT[:100], CONTENT[100:]])
    assert (blob.sha256, blob.size) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert blobs.read(blob.sha256) == CONTENT


def test_the_same_bytes_are_kept_once(storage: Path) -> None:
    assert blobs.put([CONTENT]) == blobs.put([CONTENT])
    assert len(stored(storage)) == 1


def test_a_wrong_digest_is_named_and_nothing_stays(storage: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        blobs.put([CONTENT], expected="0" * 64)
    assert "The bytes received have SHA-256" in refusal.value.reasons[0]
    assert "0" * 64 in refusal.value.reasons[0]
    assert stored(storage) == []


def test_a_file_over_the_limit_is_refused_and_nothing_stays(storage: Path) -> None:
    with pytest.raises(Invalid, match="larger than 1 MiB"):
        blobs.put([bytes(1024 * 1024), b"x"], largest=1024 * 1024)
    assert stored(storage) == []


def test_an_empty_file_is_refused(storage: Path) -> None:
    with pytest.raises(Invalid, match="The file is empty"):
        blobs.put([])


def test_an_upload_that_breaks_off_leaves_nothing(storage: Path) -> None:
    def broken() -> object:
        yield CONTENT
        raise ConnectionResetError

    with pytest.raises(Refused):
        blobs.put(broken())  # type: ignore[arg-type]
    assert stored(storage) == []


def test_a_full_disk_is_said_in_words_and_leaves_nothing(storage: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
    try:
        with pytest.raises(Refused, match="The storage took no more bytes"):
            blobs.put([bytes(1024 * 1024)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert stored(storage) == []


def test_changed_bytes_in_the_storage_are_found(storage: Path) -> None:
    blob = blobs.put([CONTENT])
    stored(storage)[0].write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(Refused, match="they were changed in the storage"):
        blobs.fetch(blob.sha256, storage)
    with pytest.raises(Refused, match="they were changed in the storage"):
        blobs.read(blob.sha256)


def test_a_name_that_is_no_digest_reaches_no_file(storage: Path) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"), blobs.opened("../../etc/passwd"):
        pass
