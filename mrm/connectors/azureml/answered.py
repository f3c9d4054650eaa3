"""What the cluster wrote about a file of rows, held against what was sent: what scored, which rows, one score for each."""

import hashlib
import json
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from ..errors import Integrity
from ..values import ArtifactFile

ENDING = ".scores"
_IN_MEMORY = 32 << 20
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Sent:
    """A file of rows as it was sent, and by which script and model it was to be scored; all digests are SHA-256."""

    file: ArtifactFile
    script: str
    model: str


def told(line: bytes, name: str) -> Mapping[str, str]:
    """The first line that the script writes: who scored which rows."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise Integrity(f"The scores of {name} do not begin with what scored them.")
    return found


def require_scored_by(line: bytes, name: str, script: str, model: str) -> Mapping[str, str]:
    """The same, when it names our script and the approved model."""
    found = told(line, name)
    for field, wanted, what in (("script", script, "another script"), ("model", model, "another model")):
        if found.get(field) != wanted:
            raise Integrity(
                f"{name} was scored by {what}, of the digest {found.get(field, '')[:12]}…, not {wanted[:12]}…."
            )
    return found


def places(file: ArtifactFile, lines: Iterable[bytes]) -> list[str]:
    """The places of the rows in the order sent; Integrity unless these lines are the file that was sent."""
    digest, found = hashlib.sha256(), []
    for line in lines:
        digest.update(line + b"\n")
        found.append(line.partition(b",")[0].decode(errors="replace"))
    if digest.hexdigest() != file.digest:
        raise Integrity(f"The store shows other rows in {file.name} than those that were sent.")
    return found


def copied(sent: Sent, rows: list[str], lines: Iterator[bytes], target: IO[bytes]) -> None:
    """Write place and score of each row; Integrity, and nothing written, unless every row that was sent has its one score."""
    name = sent.file.name
    found = require_scored_by(next(lines, b""), name, sent.script, sent.model)
    if found.get("rows") != sent.file.digest:
        raise Integrity(f"The cluster scored other rows as {name} than those that were sent.")
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        digest = hashlib.sha256()
        for line in _matched(name, rows, lines):
            digest.update(line)
            spool.write(line)
        if digest.hexdigest() != found.get("scores"):
            raise Integrity(f"The scores of {name} were altered after the cluster wrote them.")
        spool.seek(0)
        while chunk := spool.read(_CHUNK):
            target.write(chunk)


def _matched(name: str, rows: list[str], lines: Iterator[bytes]) -> Iterator[bytes]:
    sent, seen = set(rows), set[str]()
    for line in lines:
        place, _, score = line.decode(errors="replace").partition(",")
        if place in seen:
            raise Integrity(f"{name} holds more than one score for row {place}.")
        if place not in sent:
            raise Integrity(f"{name} holds a score for row {place[:20]}, which was not sent.")
        if place != rows[len(seen)]:
            raise Integrity(f"{name} holds no score for row {rows[len(seen)]} in its place.")
        if not _finite(score):
            raise Integrity(f"{name} holds {score[:40] or 'nothing'} as the score of row {place}, which is no number.")
        seen.add(place)
        yield line + b"\n"
    if len(seen) < len(rows):
        raise Integrity(f"{name} holds no score for row {rows[len(seen)]}.")


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
