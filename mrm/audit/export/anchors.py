"""What others gave for the log's checkpoints, as it goes into a bundle: of each place the last of every day."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrm.audit.anchors.places import FOLDER, TIME_STAMP, WITNESS, Place
from mrm.audit.log.notes import VerifierKey, split_note
from mrm.core.canonical import timestamp

ENDINGS = {FOLDER: "note", TIME_STAMP: "tsr", WITNESS: "cosignature"}
LAST_OF_EACH_DAY = """
SELECT DISTINCT ON (a.name, (a.at AT TIME ZONE 'UTC')::date) a.name, c.size, c.note, a.at, a.token
  FROM audit_anchor AS a JOIN audit_checkpoint AS c ON c.id = a.checkpoint_id
 WHERE a.name = ANY(%s) ORDER BY a.name, (a.at AT TIME ZONE 'UTC')::date, a.id DESC
"""


@dataclass(frozen=True)
class Kept:
    """One token, and what the bundle's list says of it."""

    place: Place
    size: int
    at: dt.datetime
    token: bytes

    @property
    def file(self) -> str:
        return f"anchors/{self.place.name}/{self.size}.{ENDINGS[self.place.kind]}"

    def as_json(self) -> dict[str, Any]:
        place = self.place
        return {"name": place.name, "kind": place.kind, "size": self.size, "at": timestamp(self.at), "file": self.file}


def kept(cursor: Any, places: Sequence[Place]) -> list[Kept]:
    """The tokens of the places that are still named; those a witness signed with an earlier key are left out."""
    known = {place.name: place for place in places}
    cursor.execute(LAST_OF_EACH_DAY, [list(known)])
    found = {}
    for name, size, note, at, token in cursor.fetchall():
        if known[name].kind != WITNESS or _by_its_key(known[name], bytes(token), note):
            found[name, size] = Kept(known[name], size, at, bytes(token))
    return list(found.values())


def witnesses(places: Sequence[Place]) -> list[str]:
    return [place.proof for place in places if place.kind == WITNESS]


def authorities(places: Sequence[Place]) -> list[str]:
    """Their certificates, where this process may read them; the sequencer's may be out of its reach."""
    paths = [Path(place.proof) for place in places if place.kind == TIME_STAMP]
    return [path.read_text() for path in paths if path.is_file()]


def _by_its_key(place: Place, token: bytes, note: str) -> bool:
    """Whether the token names the place's key of today; whether it holds, the verifier says."""
    try:
        _, signatures = split_note(note + token.decode())
    except ValueError:
        return True
    return signatures[-1].by(VerifierKey.parse(place.proof))
