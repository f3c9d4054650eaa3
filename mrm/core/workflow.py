"""One table of states and moves, read by services, buttons, API, diagram and database."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mrm.core.actors import Actor, permit
from mrm.core.refusal import Refused

Policy = Callable[[Actor, Any], str | None]


@dataclass(frozen=True)
class Move:
    """A named step from any of `sources` to `target`, open when every policy returns None."""

    name: str
    sources: tuple[str, ...]
    target: str
    policies: tuple[Policy, ...] = ()
    label: str = ""

    @property
    def title(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()


@dataclass(frozen=True)
class Offer:
    """A move as a person sees it: open, or closed with the reasons."""

    move: Move
    verb: str
    reasons: tuple[str, ...]

    @property
    def open(self) -> bool:
        return not self.reasons


class Workflow:
    """The moves of one area, on one status field; the permission of a move is `area.move`."""

    def __init__(self, area: str, *moves: Move, field: str = "status") -> None:
        self.area = area
        self.field = field
        self.moves = {move.name: move for move in moves}

    def __iter__(self) -> Iterator[Move]:
        return iter(self.moves.values())

    def verb(self, name: str) -> str:
        return f"{self.area}.{name}"

    def closed(self, subject: Any, name: str, actor: Actor) -> tuple[str, ...]:
        """Every reason why the move is closed now; empty when it is open."""
        move = self.moves[name]
        state = getattr(subject, self.field)
        if state not in move.sources:
            return (f"{move.title} is open from {_either(move.sources)}; this is {_words(state)}.",)
        return tuple(reason for policy in move.policies if (reason := policy(actor, subject)))

    def apply(self, subject: Any, name: str, actor: Actor) -> str:
        """Set the target state on the subject, or raise Forbidden or Refused; the caller saves."""
        permit(actor, self.verb(name), subject)
        return self.move(subject, name, actor)

    def move(self, subject: Any, name: str, actor: Actor) -> str:
        """As `apply`, where the move follows from what was permitted already or is the system's own."""
        if reasons := self.closed(subject, name, actor):
            raise Refused(*reasons)
        target = self.moves[name].target
        setattr(subject, self.field, target)
        return target

    def offered(self, subject: Any, actor: Actor) -> list[Offer]:
        """The moves that leave the present state, each open or closed with its reasons."""
        state = getattr(subject, self.field)
        return [
            Offer(move, self.verb(move.name), self._reasons(subject, move, actor))
            for move in self
            if state in move.sources
        ]

    def _reasons(self, subject: Any, move: Move, actor: Actor) -> tuple[str, ...]:
        lacking = actor.lacks(self.verb(move.name), subject)
        return (lacking,) if lacking else self.closed(subject, move.name, actor)

    def edges(self) -> list[tuple[str, str]]:
        """The pairs of states that the database lets a row pass between."""
        return sorted({(str(source), str(move.target)) for move in self for source in move.sources})

    def mermaid(self) -> str:
        """The state diagram, for the documentation."""
        lines = [f"    {source} --> {move.target}: {move.name}" for move in self for source in move.sources]
        return "\n".join(["stateDiagram-v2", *lines])


def _words(state: Any) -> str:
    return str(state).replace("_", " ")


def _either(states: Iterable[Any]) -> str:
    return " or ".join(_words(state) for state in states)
