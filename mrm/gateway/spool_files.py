"""Files of the prediction log: written under one name, handed to the reader under another."""

import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path

from .artifacts import sync_folder

SIZE, AGE = 16 << 20, 2.0
OURS = (".open", ".jsonl")


class OpenFile:
    """The file that lines are appended to. It becomes a `.jsonl` as a whole, or stays an `.open`."""

    def __init__(self, folder: Path) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
        self._place = folder / f"{stamp}-{secrets.token_hex(4)}.open"
        self._handle = os.open(self._place, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o640)
        self._began, self.size = time.monotonic(), 0

    @property
    def due(self) -> bool:
        return self.size >= SIZE or time.monotonic() - self._began >= AGE

    def append(self, lines: bytes, *, sure: bool) -> None:
        """Write all or nothing; when `sure`, it is on disk afterwards."""
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            if sure:
                os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, self.size)
            raise
        self.size += len(lines)

    def hand_over(self) -> None:
        """Give the file to the reader."""
        os.fsync(self._handle)
        os.close(self._handle)
        finished(self._place)


def finished(place: Path) -> None:
    place.rename(place.with_suffix(".jsonl"))
    sync_folder(place.parent)


def close_left_over(folder: Path) -> int:
    """Hand over what a killed gateway left open; the number of torn last lines dropped."""
    torn = 0
    for place in sorted(folder.glob("*.open")):
        content = place.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            torn += 1
            os.truncate(place, whole)
        if whole:
            finished(place)
        else:
            place.unlink()
    return torn


def waiting_bytes(folder: Path) -> int:
    """What the reader has not taken yet; it may take a file away while we look, and lay others down that are its own."""
    total = 0
    for place in folder.iterdir():
        if place.suffix not in OURS:
            continue
        try:
            total += place.stat().st_size
        except FileNotFoundError:
            continue
    return total
