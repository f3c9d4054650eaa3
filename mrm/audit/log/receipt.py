"""A receipt that one entry is in the log, to be kept and checked offline: c2sp.org/tlog-proof, version 1."""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mrm.audit.log.merkle import leaf_hash, verify_inclusion
from mrm.audit.log.notes import Checkpoint, NoteError, VerifierKey, hashes_of, lines_of, open_note, split_note

FIRST_LINE = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]*)")


@dataclass(frozen=True)
class Receipt:
    """Where the entry is, how its hash leads to the root, and the signed checkpoint with that root."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint_note: str
    extra: bytes = b""


def write(index: int, proof: Sequence[bytes], checkpoint_note: str, extra: bytes = b"") -> str:
    """The text of a receipt. `extra` is opaque and vouched for by nobody."""
    split_note(checkpoint_note)
    given = [f"extra {base64.b64encode(extra).decode()}"] if extra else []
    return "\n".join([FIRST_LINE, *given, f"index {index}", *lines_of(proof), "", checkpoint_note])


def read(text: str) -> Receipt:
    """A receipt taken apart; nothing is verified yet."""
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank or lines[0] != FIRST_LINE:
        raise NoteError(f"A receipt begins with {FIRST_LINE} and holds a checkpoint after a blank line.")
    del lines[0]
    extra = _extra(lines.pop(0)) if lines and lines[0].startswith("extra ") else b""
    place = _INDEX.fullmatch(lines[0]) if lines else None
    if place is None:
        raise NoteError("A receipt says the place of its entry: index and a number without leading zeros.")
    split_note(note)
    return Receipt(int(place[1]), tuple(hashes_of(lines[1:])), note, extra)


def verify(receipt: Receipt, payload: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint that holds the entry; raises unless a known key signed it and the proof leads to its root."""
    text, _ = open_note(receipt.checkpoint_note, keys)
    checkpoint = Checkpoint.parse(text)
    verify_inclusion(receipt.index, checkpoint.size, leaf_hash(payload), receipt.proof, checkpoint.root)
    return checkpoint


def _extra(line: str) -> bytes:
    text = line.removeprefix("extra ")
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("The receipt's extra data is not base64.") from error
    if base64.b64encode(content).decode() != text or not content:
        raise NoteError("The receipt's extra data is not written as base64 writes it.")
    return content
