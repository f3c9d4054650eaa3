"""What every place to anchor at does, and how it says that it cannot."""

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from mrm.audit.anchors.places import Place
from mrm.audit.log.notes import Checkpoint, split_note


class AnchorProblem(Exception):
    """The place gave nothing that holds; trying again later may help."""


class Contradiction(AnchorProblem):
    """The place and our log do not agree: one of them was changed. Somebody must look."""


class Ahead(Contradiction):
    """The place has seen more of the log than we hold."""

    def __init__(self, who: str, seen: int, ours: int) -> None:
        super().__init__(
            f"{who} has seen {seen} events of this log, but it holds {ours} here: the database was rolled back, or"
            " another one signs under the same name."
        )
        self.seen = seen


@dataclass(frozen=True)
class Signed:
    """A checkpoint to be anchored. `before` is the size we think the place saw last; `prove` shows growth from a size."""

    note: str
    before: int
    prove: Callable[[int], list[bytes]]

    @property
    def checkpoint(self) -> Checkpoint:
        return checkpoint_of(self.note)


@dataclass(frozen=True)
class Seen:
    """Who saw a checkpoint, and when; the time is None where the place itself states none."""

    by: str
    at: dt.datetime | None = None


class Anchorage(ABC):
    """One place. Every problem is an `AnchorProblem` with a sentence."""

    offline: ClassVar[bool]  # whether `verify` needs the token alone and asks nobody

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def kind(self) -> str:
        return self.place.kind

    @abstractmethod
    def anchor(self, signed: Signed) -> bytes:
        """Show the checkpoint; the token that the place gave for it, verified."""

    @abstractmethod
    def verify(self, token: bytes, note: str) -> Seen:
        """When and by whom the checkpoint was seen; raises when the token does not show it."""

    @abstractmethod
    def latest(self, note: str) -> int | None:
        """The highest size the place has seen of the log of this note; None when it saw none, or keeps none."""


def checkpoint_of(note: str) -> Checkpoint:
    text, _ = split_note(note)
    return Checkpoint.parse(text)
