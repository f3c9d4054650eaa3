"""What a kind of job does: a function that an area's tasks.py registers under the kind's name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mrm.core.registry import Registry


class Progress(Protocol):
    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Report where the work stands; raises Cancelled when somebody asked to stop."""


Work = Callable[[dict[str, str], Progress], None]
GivenUp = Callable[[dict[str, str], str], None]


@dataclass(frozen=True)
class Kind:
    """What to do, and what to record when no attempt is left; `given_up` gets the arguments and the sentence."""

    work: Work
    given_up: GivenUp | None = None


KINDS: Registry[Kind] = Registry("kind of job")


def give_up(kind: str, arguments: dict[str, str], sentence: str) -> None:
    """Let the area record that this work will not be done, with the reason; what ended meanwhile stays as it ended."""
    known = KINDS.get(kind)  # work of a kind that a former version knew can be ended still
    if known and known.given_up:
        known.given_up(arguments, sentence)


class Cancelled(Exception):
    """Somebody asked the job to stop; raised out of the progress report."""


class Later(Exception):
    """The work cannot be done now; try again after `seconds`."""

    def __init__(self, sentence: str, seconds: float) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Waits(Later):
    """The work is under way elsewhere and is looked at again after `seconds`; that uses up no attempt."""


def job(kind: str, given_up: GivenUp | None = None) -> Callable[[Work], Work]:
    """Register the function that does a kind of job; it takes the job's arguments and a progress report."""

    def keep(work: Work) -> Work:
        KINDS.add(kind, Kind(work, given_up))
        return work

    return keep
