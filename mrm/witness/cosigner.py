"""Whether a checkpoint is cosigned: the rules of add-checkpoint in c2sp.org/tlog-witness."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mrm.audit.log.merkle import ProofError, verify_consistency
from mrm.audit.log.notes import (
    Checkpoint,
    NoteError,
    SigningKey,
    VerifierKey,
    cosign,
    hashes_of,
    open_note,
    split_note,
)

from .memory import Memory, Seen
from .refusal import Refused

MOST_HASHES = 63
LARGEST = 2**63 - 1
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")

Logs = Mapping[str, Sequence[VerifierKey]]


@dataclass(frozen=True)
class Submission:
    """A checkpoint, and the proof that it grew from the one of the old size."""

    old: int
    proof: list[bytes]
    note: str
    text: str
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, body: bytes) -> "Submission":
        """The parts of a well-formed request; nothing is verified yet."""
        try:
            head, blank, note = body.decode().partition("\n\n")
            lines = head.split("\n")
            old = _OLD.fullmatch(lines[0])
            if not blank or old is None or len(lines) - 1 > MOST_HASHES:
                raise NoteError(
                    f"A request is a line 'old' and a size, at most {MOST_HASHES} hashes, an empty line, and a checkpoint."
                )
            proof = hashes_of(lines[1:])
            text, _ = split_note(note)
            checkpoint = Checkpoint.parse(text)
        except NoteError as error:
            raise Refused(400, str(error)) from error
        except ValueError as error:
            raise Refused(400, "A request is text in UTF-8, and its numbers have at most 19 digits.") from error
        if not int(old[1]) <= checkpoint.size <= LARGEST:
            raise Refused(400, f"The old size {old[1]} is larger than that of the checkpoint, {checkpoint.size}.")
        return cls(int(old[1]), proof, note, text, checkpoint)


class Cosigner:
    """Decides over checkpoints of the logs it was told of, and remembers them before it signs."""

    def __init__(self, memory: Memory, key: SigningKey, logs: Logs, now: Callable[[], float] = time.time) -> None:
        self.memory, self.key, self.logs, self.now = memory, key, logs, now

    def add(self, body: bytes) -> str:
        """The cosignature line; `Refused` says why there is none."""
        asked = Submission.parse(body)
        origin = asked.checkpoint.origin
        if origin not in self.logs:
            raise Refused(404, f"This witness was not told of a log {origin}.")
        try:
            open_note(asked.note, self.logs[origin])
        except NoteError as error:
            raise Refused(403, str(error)) from error
        with self.memory.turn():
            answer = self._decide(asked)
        if isinstance(answer, Refused):
            raise answer
        return answer

    def latest(self, origin: str) -> str:
        """The last checkpoint of a log with the cosignature, for whoever wants to compare."""
        if origin not in self.logs:
            raise Refused(404, f"This witness was not told of a log {origin}.")
        with self.memory.turn():
            note = self.memory.last(origin).note
        if note:
            return note
        raise Refused(404, f"This witness has not seen a checkpoint of {origin} yet.")

    def _decide(self, asked: Submission) -> "str | Refused":
        last, new, at = self.memory.last(asked.checkpoint.origin), asked.checkpoint, int(self.now())
        if asked.old != last.size:
            return Refused(409, f"The last checkpoint that was cosigned has the size {last.size}.", last.size)
        try:
            if new.size == last.size and new.root != last.root:
                return self._accused(409, asked, f"Another tree of {last.size} leaves was cosigned before.", at)
            verify_consistency(last.size, new.size, last.root, new.root, asked.proof)
        except ProofError as error:
            return self._accused(422, asked, str(error), at)
        line = cosign(asked.text, max(at, last.at), self.key)
        note = f"{asked.text}\n{self._signatures(asked)}{line}"
        self.memory.keep(new.origin, Seen(new.size, new.root, note, max(at, last.at)))
        return line

    def _accused(self, status: int, asked: Submission, why: str, at: int) -> Refused:
        new = asked.checkpoint
        self.memory.accuse(new.origin, new.size, asked.old, asked.note, why, at)
        return Refused(status, why)

    def _signatures(self, asked: Submission) -> str:
        """The lines by which the log itself signed; what others added is not kept."""
        keys = self.logs[asked.checkpoint.origin]
        _, signatures = split_note(asked.note)
        lines = asked.note[len(asked.text) + 1 : -1].split("\n")
        kept = [line for line, signed in zip(lines, signatures, strict=True) if any(signed.by(key) for key in keys)]
        return "".join(f"{line}\n" for line in kept)
