"""The rows of a batch as Vertex AI reads and answers them: JSON, a line for each row, which keeps the place of the row."""

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from ..errors import Integrity, Invalid
from ..values import ArtifactFile

PLACE = "place"
_WHO = "Vertex AI"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_MOST_QUOTED = 300


def fields(columns: int) -> list[str]:
    """What the features are called in a line, in the order of the version."""
    return [f"f{number}" for number in range(columns)]


def write(file: ArtifactFile, content: IO[bytes], target: IO[bytes]) -> None:
    """CSV as it is sent to every backend, as JSON; a number keeps its digits, and what is missing is null.

    Raises Integrity where the bytes are not those of the file, Invalid about a value that JSON does not know.
    """
    digest = hashlib.sha256()
    for line in content:
        digest.update(line)
        target.write(_line(line.decode().rstrip("\n").split(",")) + b"\n")
    if digest.hexdigest() != file.digest:
        raise Integrity(f"The rows of {file.name} are not those of its digest.")


def columns(line: bytes) -> int:
    """How many features a written line holds."""
    return len(_object(line)) - 1


def places(file: ArtifactFile, lines: Iterable[bytes]) -> list[int]:
    """The places of the rows in the order sent; Integrity unless these lines are the file that was sent, digit by digit."""
    digest, found = hashlib.sha256(), []
    for line in lines:
        values = ["" if value is None else str(value) for value in _object(line).values()]
        if not values or _line(values) != line:
            break
        digest.update(f"{','.join(values)}\n".encode())
        found.append(int(values[0]) if values[0].isdecimal() else -1)
    if digest.hexdigest() != file.digest:
        raise Integrity(f"The bucket shows other rows in {file.name} than those that were sent.")
    return found


class Scores:
    """What was answered for each place, on disk, since the answers to one file lie in any order over all of them."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        """Raises Invalid about the first line that is no score of one row."""
        self._found = sqlite3.connect("", check_same_thread=False)  # a file of its own that goes with it
        self._found.execute("CREATE TABLE scores (place INTEGER PRIMARY KEY, score TEXT) WITHOUT ROWID")
        with self._found:
            for place, score in map(_answer, filter(None, lines)):
                try:
                    self._found.execute("INSERT INTO scores VALUES (?, ?)", (place, score))
                except sqlite3.IntegrityError:
                    raise Invalid(f"{_WHO} answered more than once for row {place}.") from None

    def told(self, places: Iterable[int]) -> Iterator[bytes]:
        """Place and score, a line for each row, the score empty where there is none."""
        for place in places:
            row = self._found.execute("SELECT score FROM scores WHERE place = ?", (place,)).fetchone()
            yield f"{place},{row[0] if row else ''}\n".encode()


def failure(line: bytes) -> str:
    """What a line says of rows that were not scored: of which row, where it tells, and why."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return line.decode(errors="replace").strip()[:_MOST_QUOTED]
    place = _place(found)
    error = found.get("error")
    said = error.get("message") if isinstance(error, Mapping) else error
    why = str(said or "without a reason")[:_MOST_QUOTED]
    return why if place is None else f"row {place}: {why}"


def _line(values: Sequence[str]) -> bytes:
    names = [PLACE, *fields(len(values) - 1)]
    told = (f'"{name}":{_written(values[0], value)}' for name, value in zip(names, values, strict=True))
    return f"{{{','.join(told)}}}".encode()


def _written(place: str, value: str) -> str:
    if value and not _NUMBER.fullmatch(value):
        raise Invalid(
            f"Row {place[:20]} holds {value[:20]}, which cannot be sent to {_WHO}: JSON has finite numbers only."
        )
    return value or "null"


def _object(line: bytes) -> dict[str, Any]:
    """A line with its numbers as they are written; empty when it is something else."""
    try:
        found = json.loads(line, parse_float=str, parse_int=str)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(line: bytes) -> tuple[int, str]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Invalid(f"{_WHO} answered a row with something that is no JSON object.")
    if found.get("error"):
        raise Invalid(f"{_WHO} did not score {failure(line)}")
    place = _place(found)
    if place is None:
        raise Invalid(
            f"{_WHO} answered without the place of a row. Its answers come in any order, so nobody can say whose it is."
        )
    return place, _score(place, found.get("prediction"))


def _place(found: Mapping[str, Any]) -> int | None:
    """The key of a row, which comes back as a number or as its text."""
    key = found.get("key")
    if isinstance(key, int) and not isinstance(key, bool):
        return key if 0 <= key < 1 << 62 else None
    return int(key) if isinstance(key, str) and re.fullmatch(r"[0-9]{1,18}", key) else None


def _score(place: int, prediction: Any) -> str:
    """A number, or the last one of a list; empty where there is none."""
    last = prediction[-1] if isinstance(prediction, list) and prediction else prediction
    if last is None:
        return ""
    if isinstance(last, bool) or not isinstance(last, int | float):
        raise Invalid(f"The container answered row {place} with neither a number nor a list of numbers.")
    return repr(float(last))
