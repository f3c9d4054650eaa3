"""A witness that cosigns what grew from what it saw: c2sp.org/tlog-witness, the side of the log."""

import datetime as dt
import re

from mrm.audit.anchors.anchorage import Ahead, Anchorage, AnchorProblem, Contradiction, Seen, Signed, checkpoint_of
from mrm.audit.anchors.exchange import Answer, post
from mrm.audit.anchors.places import Place
from mrm.audit.log.notes import NoteError, VerifierKey, lines_of, split_note, verify_cosignature

SIZE = "text/x.tlog.size"


class Witness(Anchorage):
    """The token is the witness's signature line over the checkpoint."""

    offline = True

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.key = VerifierKey.parse(place.proof)
        self.who = f"The witness {self.key.name} at {place.shown}"

    def anchor(self, signed: Signed) -> bytes:
        checkpoint = signed.checkpoint
        answer = self._send(signed.note, signed.before, signed.prove(signed.before))
        seen = self._size(answer)
        if seen is not None and seen != signed.before:
            if seen > checkpoint.size:
                raise Ahead(self.who, seen, checkpoint.size)
            answer = self._send(signed.note, seen, signed.prove(seen))
        return self._line(answer, signed.note)

    def verify(self, token: bytes, note: str) -> Seen:
        text, _ = split_note(note)
        try:
            at = verify_cosignature(text, token.decode(), self.key)
            return Seen(self.key.name, dt.datetime.fromtimestamp(at, dt.UTC))
        except (NoteError, UnicodeDecodeError, OverflowError, OSError) as error:
            size = checkpoint_of(note).size
            raise Contradiction(f"What {self.who} gave for the size {size} does not hold: {error}") from error

    def latest(self, note: str) -> int | None:
        """Asks with the note's own size and no proof, which changes nothing the witness keeps of another size."""
        size = checkpoint_of(note).size
        answer = self._send(note, size, [])
        seen = self._size(answer)
        if seen is None:
            self._line(answer, note)
            seen = size
        return seen or None

    def _send(self, note: str, old: int, proof: list[bytes]) -> Answer:
        body = "\n".join([f"old {old}", *lines_of(proof), "", note])
        return post(self.who, f"{self.place.address.rstrip('/')}/add-checkpoint", body.encode(), "text/plain")

    def _size(self, answer: Answer) -> int | None:
        """The size the witness saw last, when it says that it is another one."""
        if answer.status != 409 or answer.kind != SIZE:
            return None
        if not re.fullmatch(rb"(0|[1-9][0-9]{0,18})\n", answer.content):
            raise AnchorProblem(f"{self.who} names a size that is none: {answer.content[:40]!r}.")
        return int(answer.content)

    def _line(self, answer: Answer, note: str) -> bytes:
        """The witness's own line; those of keys we were not told of are passed over."""
        if answer.status != 200:
            raise self._refusal(answer, checkpoint_of(note).origin)
        mark = f"— {self.key.name} "
        for line in answer.content.decode(errors="replace").split("\n"):
            if not line.startswith(mark):
                continue
            token = f"{line}\n".encode()
            try:
                self.verify(token, note)
            except Contradiction:
                continue
            return token
        raise AnchorProblem(f"{self.who} answers without a cosignature by the key that we were told.")

    def _refusal(self, answer: Answer, origin: str) -> AnchorProblem:
        said = " ".join(answer.content.decode(errors="replace").split())[:200]
        if answer.status == 422 or (answer.status == 409 and answer.kind != SIZE):
            return Contradiction(
                f"{self.who} refuses the log: it saw another history than the one that is stored here. {said}"
            )
        if answer.status == 409:
            return AnchorProblem(f"{self.who} saw another checkpoint of the log meanwhile.")
        if answer.status == 404:
            return AnchorProblem(f"{self.who} was not told of the log {origin}; give its operator the log's key.")
        if answer.status == 403:
            return AnchorProblem(f"{self.who} does not take the log's signature; give its operator the log's key.")
        return AnchorProblem(f"{self.who} answers {answer.status}. {said}".strip())
