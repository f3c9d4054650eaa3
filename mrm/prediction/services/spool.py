"""The files that gateways leave: which are complete, what each says, and the lines that are set aside."""

import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mrm.prediction.policies import Line, read

COMPLETE = ".jsonl"
SET_ASIDE = ".bad"
BATCH = 32 * 1024 * 1024  # so many bytes are read before they are written, in one transaction


@dataclass
class Spooled:
    """One complete file: its digest is of all its bytes. What of it can be kept is known once its lines were read."""

    path: Path
    sha256: str
    content: bytes = field(repr=False)
    kept: int = 0
    bad: list[tuple[int, str, bytes]] = field(default_factory=list, repr=False)


def waiting(folders: Iterable[Path]) -> Iterator[Path]:
    """Complete files, the oldest first by their names; what is still written, and links, are left alone."""
    found = [path for folder in folders if folder.is_dir() for path in folder.glob(f"*{COMPLETE}")]
    yield from sorted((path for path in found if path.is_file() and not path.is_symlink()), key=lambda path: path.name)


def batches(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """The files in groups that are read and written together."""
    group: list[Path] = []
    size = 0
    for path in paths:
        try:
            more = path.stat().st_size
        except FileNotFoundError:  # another taker was here
            continue
        if group and size + more > BATCH:
            yield group
            group, size = [], 0
        group.append(path)
        size += more
    if group:
        yield group


def opened(path: Path) -> Spooled:
    """Read a file whole."""
    content = path.read_bytes()
    return Spooled(path, hashlib.sha256(content).hexdigest(), content)


def lines(file: Spooled, now: dt.datetime) -> Iterator[tuple[int, Line]]:
    """The lines that can be kept, by their number; the file keeps count, and those that cannot, with the sentence."""
    file.kept, file.bad = 0, []
    for number, raw in enumerate(file.content.split(b"\n"), start=1):
        if not raw.strip():
            continue
        found = read(raw, now)
        if isinstance(found, str):
            file.bad.append((number, found, raw))
        else:
            file.kept += 1
            yield number, found


def set_aside(file: Spooled) -> None:
    """Keep the lines that are none beside the file, each after the sentence; written anew they are the same bytes."""
    target = file.path.with_suffix(SET_ASIDE)
    part = target.with_suffix(".part")
    with part.open("wb") as out:
        for number, sentence, raw in file.bad:
            out.write(f"# line {number}: {sentence}\n".encode() + raw + b"\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(target)
