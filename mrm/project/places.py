"""Where the embedded default keeps its files and sockets."""

import hashlib
import os
import tempfile
import uuid
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent.parent


def data_folder() -> Path:
    return Path(os.environ.get("MRM_DATA_DIR") or BASE / ".data").resolve()


def _key(folder: Path) -> str:
    return hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def postgres_folder(folder: Path) -> Path:
    """PostgreSQL does not run as root and cannot reach into root's home: then it lives under /var/lib.

    There it has a name of its own, kept in the data folder: a new installation where an old one was deleted does not
    wake that one's database.
    """
    if os.geteuid() != 0:
        return folder / "postgres"
    kept = folder / "database"
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        kept.write_text(uuid.uuid4().hex[:12])
    return Path("/var/lib/mrm") / kept.read_text().strip()


def socket_folder(folder: Path) -> Path:
    """A short path: a Unix socket's name holds at most 107 bytes."""
    return Path(tempfile.gettempdir()) / f"mrm-{_key(folder)}"
