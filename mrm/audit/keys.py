"""The log's key: made on the first start, in a file that nobody else may read; given another one by a rotation."""

from pathlib import Path

from mrm.audit.log import keyfile
from mrm.audit.log.keyfile import KeyProblem
from mrm.audit.log.notes import SigningKey

__all__ = ["KeyProblem", "end_rotation", "load", "make", "rotate", "signers"]


def load(path: Path) -> SigningKey:
    """The log's key in the file; refused when others may read it."""
    return keyfile.load(path, "log key")


def previous(path: Path) -> Path:
    """Where the key before stays until a rotation is ended."""
    return path.with_name(f"{path.name}.previous")


def signers(path: Path) -> list[SigningKey]:
    """The key that signs, and during a rotation the one before, which signs too."""
    current = load(path)
    if not previous(path).exists():
        return [current]
    former = load(previous(path))
    return [current] if former.vkey == current.vkey else [current, former]


def refuse_when_rotating(path: Path) -> None:
    if previous(path).exists():
        raise KeyProblem("A rotation is under way already; end it with `manage.py audit rotate_key --finish`.")


def rotate(path: Path) -> SigningKey:
    """A new key of the same name in the old one's place; both sign until `end_rotation`."""
    refuse_when_rotating(path)
    old = load(path)
    following = path.with_name(f"{path.name}.next")
    following.unlink(missing_ok=True)  # of a rotation that was interrupted before it began
    new = keyfile.make(following, old.name)
    previous(path).hardlink_to(path)
    following.replace(path)
    return new


def end_rotation(path: Path) -> str:
    """The old key signs no more and is deleted; gives its public half."""
    if not previous(path).exists():
        raise KeyProblem("No rotation is under way.")
    old = load(previous(path))
    previous(path).unlink()
    return old.vkey


def make(path: Path, name: str) -> SigningKey:
    """A new log key in a new file of mode 0600; an existing file is never written over."""
    return keyfile.make(path, name)
