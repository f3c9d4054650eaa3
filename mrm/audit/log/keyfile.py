"""A signing key in a file that nobody else may read: made whole, never written over."""

import os
from pathlib import Path

from mrm.audit.log.notes import ED25519, NoteError, SigningKey

READABLE_BY_OTHERS = 0o077


class KeyProblem(Exception):
    """A key file that cannot be used, with what would be right."""


def load(path: Path, what: str) -> SigningKey:
    """The key in the file; refused when others may read it. `what` names the key in a sentence."""
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except FileNotFoundError as error:
        raise KeyProblem(f"There is no {what} at {path}; who signs with it makes one on its first start.") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise KeyProblem(f"The {what} at {path} cannot be read: {reason}.") from error
    if mode & READABLE_BY_OTHERS:
        raise KeyProblem(f"Others may read the {what} at {path}; set its mode to 0600.")
    try:
        return SigningKey.parse(text.strip())
    except NoteError as error:
        raise KeyProblem(f"The file {path} does not hold a {what}: {error}") from error


def make(path: Path, name: str, kind: int = ED25519) -> SigningKey:
    """A new key in a new file of mode 0600; an existing file is never written over."""
    try:
        key = SigningKey.generate(name, kind)
    except NoteError as error:
        raise KeyProblem(str(error)) from error
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
