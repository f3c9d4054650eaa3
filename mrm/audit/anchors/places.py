"""Which places the log is anchored at, as one setting says it: `folder=file:///mnt/worm/log, witness=https://… VKEY`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from mrm.audit.log.notes import COSIGNATURE, NoteError, VerifierKey

FOLDER, TIME_STAMP, WITNESS = "folder", "rfc3161", "witness"
WORDS = {"folder": FOLDER, "tsa": TIME_STAMP, "witness": WITNESS}
LONGEST_NAME = 80
NONE = "none"
_FORMS = (
    "folder=ADDRESS (such as folder=file:///mnt/worm/log), tsa=https://ADDRESS FILE-WITH-ITS-CERTIFICATES, and"
    " witness=https://ADDRESS VERIFIER-KEY"
)


@dataclass(frozen=True)
class Place:
    """One place: its kind, its name, its address, by what its word is checked, and whether it is a folder of ours."""

    kind: str
    name: str
    address: str
    proof: str = ""
    ours: bool = False

    @property
    def shown(self) -> str:
        """The address without what is secret in it."""
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def beside(folder: Path) -> Place:
    """A folder of this machine: it separates mistakes, not malice."""
    return Place(FOLDER, "folder-beside", f"file://{folder}", ours=True)


def parse(text: str) -> tuple[Place, ...]:
    """The places a setting names; ValueError says which part is wrong and what would be right."""
    if text.strip() == NONE:
        return ()
    places = tuple(_place(part.strip()) for part in text.split(",") if part.strip())
    _refuse_twins(places)
    return places


def _place(part: str) -> Place:
    left, equals, right = part.partition("=")
    name, _, word = left.strip().rpartition(":")
    address, _, proof = right.strip().partition(" ")
    if not equals or word not in WORDS or not address:
        raise ValueError(f"{part!r} names no place to anchor at. The forms are {_FORMS}, with commas between.")
    kind, proof = WORDS[word], proof.strip()
    parts = urlsplit(address)
    if kind == FOLDER:
        if not parts.scheme or proof:
            raise ValueError(f"{part!r}: a folder has an address such as file:///mnt/worm/log or s3://bucket/log.")
        proposed = f"{parts.netloc.rpartition('@')[2]}-{Path(parts.path).name}"
    else:
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError(f"{part!r}: {address} is no address of the web; write https:// and a host.")
        proposed = parts.hostname if kind == TIME_STAMP else _witness_of(part, proof).name
        if not proof:
            raise ValueError(f"{part!r}: after the address stands the file with the authority's certificates (PEM).")
    return Place(kind, _slug(name or f"{word}-{proposed}"), address, proof)


def _witness_of(part: str, vkey: str) -> VerifierKey:
    try:
        key = VerifierKey.parse(vkey)
    except NoteError as error:
        raise ValueError(f"{part!r}: after the address stands the witness's verifier key. {error}") from error
    if key.kind != COSIGNATURE:
        raise ValueError(f"{part!r}: this is the key of a log; a witness has one of the kind 4 (cosignatures).")
    return key


def _slug(text: str) -> str:
    """A name that may stand in a path."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST_NAME]


def _refuse_twins(places: Iterable[Place]) -> None:
    seen: set[str] = set()
    for place in places:
        if place.name in seen:
            raise ValueError(f"Two places have the name {place.name}; give one another name: NAME:folder=ADDRESS.")
        seen.add(place.name)
