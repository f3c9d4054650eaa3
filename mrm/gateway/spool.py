"""The prediction log on its way out: a folder of files that a reader takes into the database and deletes."""

import asyncio
import errno
import logging
import os
import secrets
import threading
from collections import deque
from pathlib import Path

from .record import Record
from .refusal import Refused
from .spool_files import OpenFile, close_left_over, waiting_bytes

QUEUE, LIMIT = 50_000, 4 << 30
_EVERY = 0.05  # seconds between two writes of what nobody waits for

Waiting = asyncio.Future[None]


class Spool:
    """One thread writes. Whoever must know waits for the disk, everybody else does not."""

    def __init__(self, root: Path, *, queue: int = QUEUE, limit: int = LIMIT) -> None:
        self._folder, self._queue, self._limit = root / "log", queue, limit
        self._folder.mkdir(parents=True, exist_ok=True)
        self._key = _key(root / "log.key")
        self.torn = close_left_over(self._folder)
        self.written = self.dropped = 0
        self._entries: deque[tuple[Record, Waiting | None]] = deque()
        self._file: OpenFile | None = None
        self._full = False
        self._wake, self._closing = threading.Event(), False
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        return len(self._entries)

    def offer(self, record: Record) -> None:
        """Write it soon, or count it as dropped."""
        if len(self._entries) >= self._queue:
            self.dropped += 1
        else:
            self._entries.append((record, None))

    async def keep(self, record: Record) -> None:
        """Return when it is on disk; refuse when that cannot be."""
        done: Waiting = asyncio.get_running_loop().create_future()
        self._entries.append((record, done))
        self._wake.set()
        try:
            await done
        except OSError as error:
            text = "The prediction log cannot be written, and this endpoint gives no answer that is not logged"
            raise Refused(503, f"{text}: {error.strerror or error}.", "not_logged") from None

    def close(self) -> None:
        """Write what waits and hand the last file over."""
        self._closing = True
        self._wake.set()
        self._thread.join(10)

    def _work(self) -> None:
        while True:
            closing = self._closing
            self._wake.wait(_EVERY)
            self._wake.clear()
            batch = [self._entries.popleft() for _ in range(len(self._entries))]
            trouble = self._write(batch) if batch else None
            for _, done in batch:
                if done is not None:
                    done.get_loop().call_soon_threadsafe(_settle, done, trouble)
            if self._file and (closing or self._file.due):
                self._hand_over()
            if closing:
                return

    def _write(self, batch: list[tuple[Record, Waiting | None]]) -> OSError | None:
        lines = b"".join(record.line(self._key) for record, _ in batch)
        try:
            self._full = self._full and waiting_bytes(self._folder) >= self._limit
            if self._full:
                raise OSError(errno.EDQUOT, f"{self._limit} bytes wait for their reader")
            if self._file is None:
                self._file = OpenFile(self._folder)
            self._file.append(lines, sure=any(done for _, done in batch))
        except OSError as error:
            self.dropped += sum(done is None for _, done in batch)
            logging.getLogger(__name__).error("the prediction log is not written: %s", error)
            return error
        self.written += len(batch)
        return None

    def _hand_over(self) -> None:
        file, self._file = self._file, None
        assert file is not None
        try:
            file.hand_over()
            self._full = waiting_bytes(self._folder) >= self._limit
        except OSError as error:  # it stays open and is handed over at the next start
            logging.getLogger(__name__).error("a file of the prediction log waits for the next start: %s", error)


def _settle(done: Waiting, trouble: OSError | None) -> None:
    if done.cancelled():
        return
    if trouble is None:
        done.set_result(None)
    else:
        done.set_exception(trouble)


def _key(place: Path) -> bytes:
    """What units are hashed with; whoever may read it can find the rows of a person by name."""
    try:
        handle = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return bytes.fromhex(place.read_text())
    with os.fdopen(handle, "w") as target:
        fresh = secrets.token_bytes(32)
        target.write(fresh.hex())
    return fresh
