"""Signed notes (c2sp.org/signed-note), checkpoints (c2sp.org/tlog-checkpoint), cosignatures (c2sp.org/tlog-cosignature).

Reading is strict, because a lenient reader and a strict one see different notes: lines end in a newline and nothing
else, control characters are refused, and base64 must be exactly what encoding its bytes gives.
"""

import base64
import binascii
import hashlib
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = 0x01
COSIGNATURE = 0x04
KINDS = {ED25519: "Ed25519", COSIGNATURE: "timestamped Ed25519 cosignature"}
MOST_SIGNATURES = 100
LATEST = 2**63 - 1
_NUMBER = re.compile(r"0|[1-9][0-9]*")


class NoteError(ValueError):
    """A note, key or checkpoint that is malformed or not signed as it should be, with a sentence."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key under a name; name and id together say which key signed, and how."""

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def id(self) -> bytes:
        return hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        name, id_, kind, public = _key_parts(text, "verifier key")
        found = cls(name, public, kind)
        if found.id.hex() != id_:
            raise NoteError(f"The verifier key {name} carries the id {id_}; its own is {found.id.hex()}.")
        return found

    def holds(self, message: bytes, signature: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """A private key under a name. `private` is its text form; keep that in a file only its owner reads."""

    name: str
    seed: bytes
    kind: int = ED25519

    @classmethod
    def generate(cls, name: str, kind: int = ED25519) -> "SigningKey":
        _check_name(name)
        return cls(name, secrets.token_bytes(32), kind)

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        if not text.startswith("PRIVATE+KEY+"):
            raise NoteError("A signing key begins with PRIVATE+KEY+.")
        name, id_, kind, seed = _key_parts(text.removeprefix("PRIVATE+KEY+"), "signing key")
        found = cls(name, seed, kind)
        if found.verifier.id.hex() != id_:
            raise NoteError(f"The signing key {name} carries the id {id_}; its own is {found.verifier.id.hex()}.")
        return found

    def __repr__(self) -> str:
        return f"SigningKey({self.name})"

    @property
    def verifier(self) -> VerifierKey:
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(self.name, public, self.kind)

    @property
    def vkey(self) -> str:
        return self.verifier.vkey

    @property
    def private(self) -> str:
        return f"PRIVATE+KEY+{self.name}+{self.verifier.id.hex()}+{_base64(bytes([self.kind]) + self.seed)}"

    def sign(self, text: str) -> str:
        """The note: the text, a blank line, and this key's signature."""
        _check_text(text)
        return f"{text}\n{self.line(text)}"

    def line(self, text: str) -> str:
        if self.kind != ED25519:
            raise NoteError(f"{self.name} is a {KINDS[self.kind]} key; it does not sign notes.")
        return self._line(self._signature(text.encode()))

    def _signature(self, message: bytes) -> bytes:
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def _line(self, signature: bytes) -> str:
        return f"— {self.name} {_base64(self.verifier.id + signature)}\n"


@dataclass(frozen=True)
class Signature:
    """One signature line, taken apart but not verified."""

    name: str
    id: bytes
    bytes: bytes

    def by(self, key: VerifierKey) -> bool:
        return (self.name, self.id) == (key.name, key.id)


def split_note(note: str) -> tuple[str, list[Signature]]:
    """The text and the signature lines of a well-formed note."""
    _check_characters(note)
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise NoteError("A note is a text, a blank line, and signature lines, each ended by a newline.")
    signatures = [_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MOST_SIGNATURES:
        raise NoteError(f"A note with {len(signatures)} signatures is not read; at most {MOST_SIGNATURES} are.")
    if len({(each.name, each.id) for each in signatures}) < len(signatures):
        raise NoteError("A note is signed once by each key; here one signs twice.")
    return f"{text}\n", signatures


def open_note(note: str, keys: Iterable[VerifierKey]) -> tuple[str, list[str]]:
    """The text, and the names of the keys whose signature holds: at least one, and no known one may fail."""
    text, signatures = split_note(note)
    known = [key for key in keys if key.kind == ED25519]
    names = []
    for signature in signatures:
        for key in known:
            if not signature.by(key):
                continue
            if not key.holds(text.encode(), signature.bytes):
                raise NoteError(f"The signature of {key.name} ({key.id.hex()}) does not hold.")
            names.append(key.name)
    if not names:
        signed = ", ".join(f"{each.name} ({each.id.hex()})" for each in signatures)
        raise NoteError(f"No key that is known signed this note; it is signed by {signed}.")
    return text, names


def add_signature(note: str, key: SigningKey) -> str:
    """The note with one more signature; during a rotation the old key and the new one both sign."""
    text, signatures = split_note(note)
    if any(each.by(key.verifier) for each in signatures):
        raise NoteError(f"{key.name} has signed this note already.")
    return note + key.line(text)


@dataclass(frozen=True)
class Checkpoint:
    """The size and root of a log, as the text of a note."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        lines = [self.origin, str(self.size), _base64(self.root), *self.extensions]
        if self.size < 0 or len(self.root) != 32 or not all(lines) or any("\n" in line for line in lines):
            raise NoteError("A checkpoint has an origin, a size, a root of 32 bytes, and no empty line.")
        written = "\n".join(lines) + "\n"
        _check_characters(written)
        return written

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        _check_characters(text)
        if not text.endswith("\n"):
            raise NoteError("A checkpoint ends in a newline.")
        lines = text[:-1].split("\n")
        if len(lines) < 3 or not all(lines):
            raise NoteError("A checkpoint has at least three lines and no empty one: origin, size, root.")
        if not _NUMBER.fullmatch(lines[1]):
            raise NoteError(f"A checkpoint's size is a number without leading zeros; {lines[1]!r} is not.")
        root = _strict(lines[2], "root hash")
        if len(root) != 32:
            raise NoteError(f"A root hash has 32 bytes; this one has {len(root)}.")
        return cls(lines[0], int(lines[1]), root, tuple(lines[3:]))


def cosign(note_text: str, time: int, key: SigningKey) -> str:
    """A witness's signature line over a checkpoint's text: seen, and consistent with all it saw before."""
    if key.kind != COSIGNATURE:
        raise NoteError(f"{key.name} is a {KINDS[key.kind]} key; a witness signs with a {KINDS[COSIGNATURE]} key.")
    _check_text(note_text)
    return key._line(time.to_bytes(8, "big") + key._signature(_cosigned(note_text, time)))


def verify_cosignature(note_text: str, line: str, key: VerifierKey) -> int:
    """The POSIX time at which the witness saw the checkpoint; raises unless its signature holds."""
    if not line.endswith("\n"):
        raise NoteError("A signature line ends in a newline.")
    signature = _signature(line[:-1])
    if not signature.by(key) or key.kind != COSIGNATURE:
        raise NoteError(f"This is not a cosignature by the witness {key.name} ({key.id.hex()}).")
    if len(signature.bytes) != 72:
        raise NoteError(f"A cosignature has 72 bytes; that of {key.name} has {len(signature.bytes)}.")
    time = int.from_bytes(signature.bytes[:8], "big")
    if time > LATEST or not key.holds(_cosigned(note_text, time), signature.bytes[8:]):
        raise NoteError(f"The cosignature of {key.name} ({key.id.hex()}) does not hold.")
    return time


def _cosigned(text: str, time: int) -> bytes:
    if not 0 <= time <= LATEST:
        raise NoteError(f"A cosignature's time is in seconds since 1970; {time} is not.")
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—":
        raise NoteError(f"A signature line is an em dash, a name and base64 between single spaces; {line!r} is not.")
    _check_name(parts[1])
    content = _strict(parts[2], f"signature of {parts[1]}")
    if len(content) < 5:
        raise NoteError(f"The signature of {parts[1]} is too short.")
    return Signature(parts[1], content[:4], content[4:])


def _key_parts(text: str, what: str) -> tuple[str, str, int, bytes]:
    _check_characters(text)
    parts = text.split("+", 2)
    if len(parts) != 3 or not re.fullmatch("[0-9a-f]{8}", parts[1]):
        raise NoteError(
            f"A {what} is a name, eight hexadecimal digits and base64 with + between; {text[:40]!r} is not."
        )
    _check_name(parts[0])
    content = _strict(parts[2], what)
    if len(content) != 33 or content[0] not in KINDS:
        raise NoteError(f"The {what} {parts[0]} is of no kind that is known here: {', '.join(KINDS.values())}.")
    return parts[0], parts[1], content[0], content[1:]


def _check_name(name: str) -> None:
    if not name or "+" in name or any(sign.isspace() for sign in name):
        raise NoteError(f"A key's name has no spaces and no plus; {name!r} is no name.")


def _check_text(text: str) -> None:
    _check_characters(text)
    if not text.endswith("\n"):
        raise NoteError("A note's text ends in a newline.")


def _check_characters(text: str) -> None:
    if any(sign < " " and sign != "\n" for sign in text) or not _is_unicode(text):
        raise NoteError("A note holds no control characters but the newline.")


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _strict(text: str, what: str) -> bytes:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(f"The {what} is not base64.") from error
    if _base64(content) != text:
        raise NoteError(f"The {what} is not written as base64 writes it.")
    return content


def hashes_of(lines: Sequence[str]) -> list[bytes]:
    """SHA-256 hashes from lines of base64, as proofs carry them."""
    found = [_strict(line, "hash of the proof") for line in lines]
    if any(len(each) != 32 for each in found):
        raise NoteError("Every hash of a proof has 32 bytes.")
    return found


def lines_of(hashes: Iterable[bytes]) -> list[str]:
    """Hashes as lines of base64."""
    return [_base64(each) for each in hashes]
