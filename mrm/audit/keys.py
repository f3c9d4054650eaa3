"""The log's key: made on the first start, in a file that nobody else may read."""

from pathlib import Path

from mrm.audit.log import keyfile
from mrm.audit.log.keyfile import KeyProblem
from mrm.audit.log.notes import SigningKey

__all__ = ["KeyProblem", "load", "make"]


def load(path: Path) -> SigningKey:
    """The log's key in the file; refused when others may read it."""
    return keyfile.load(path, "log key")


def make(path: Path, name: str) -> SigningKey:
    """A new log key in a new file of mode 0600; an existing file is never written over."""
    return keyfile.make(path, name)
