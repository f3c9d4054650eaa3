"""What a witness remembers, in one SQLite file: of each log the last checkpoint, and what was signed and yet refused."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mrm.audit.log.merkle import EMPTY_ROOT

TABLES = """
CREATE TABLE IF NOT EXISTS seen (
  origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS refused (
  note TEXT PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, seen INTEGER NOT NULL, why TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;
"""
WAIT = 10.0  # seconds for another process that holds the file


@dataclass(frozen=True)
class Seen:
    """The last checkpoint of a log that was cosigned; `note` carries the cosignature."""

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: str = ""
    at: int = 0


class Memory:
    """Changes are on the disk before `turn` ends; one turn at a time, over all processes that share the file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=WAIT, isolation_level=None, check_same_thread=False)
        self._lock = threading.Lock()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(TABLES)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """What is read and kept inside happens at once or not at all."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # a full disk ends the transaction by itself
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def last(self, origin: str) -> Seen:
        """The last checkpoint of a log; that of an empty tree when none was seen. Ask within a turn."""
        row = self._connection.execute("SELECT size, root, note, at FROM seen WHERE origin = ?", [origin]).fetchone()
        return Seen(*row) if row else Seen()

    def keep(self, origin: str, seen: Seen) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO seen (origin, size, root, note, at) VALUES (?, ?, ?, ?, ?)",
            [origin, seen.size, seen.root, seen.note, seen.at],
        )

    def accuse(self, origin: str, size: int, seen: int, note: str, why: str, at: int) -> None:
        """Keep a checkpoint that the log signed but that does not go with what was seen: it may prove misbehaviour."""
        self._connection.execute(
            "INSERT OR IGNORE INTO refused (note, origin, size, seen, why, at) VALUES (?, ?, ?, ?, ?, ?)",
            [note, origin, size, seen, why, at],
        )
