"""The log's key: made on the first start, in a file that nobody else may read."""

import os
from pathlib import Path

from mrm.audit.log.notes import NoteError, SigningKey

READABLE_BY_OTHERS = 0o077


class KeyProblem(Exception):
    """A key file that cannot be used, with what would be right."""


def load(path: Path) -> SigningKey:
    """The key in the file; refused when others may read it."""
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except FileNotFoundError as error:
        raise KeyProblem(
            f"There is no log key at {path}; `manage.py sequencer` makes one on its first start."
        ) from error
    except OSError as error:
        raise KeyProblem(f"The log key at {path} cannot be read: {error.strerror}.") from error
    if mode & READABLE_BY_OTHERS:
        raise KeyProblem(f"Others may read the log key at {path}; set its mode to 0600.")
    try:
        return SigningKey.parse(text.strip())
    except NoteError as error:
        raise KeyProblem(f"The file {path} does not hold a log key: {error}") from error


def make(path: Path, name: str) -> SigningKey:
    """A new key in a new file of mode 0600; an existing file is never written over."""
    key = SigningKey.generate(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(key.private + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # a link appears whole and only where nothing was
        path.hardlink_to(draft)
    except FileExistsError as error:
        raise KeyProblem(f"{path} holds a key already.") from error
    finally:
        draft.unlink()
    return key
