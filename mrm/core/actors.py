"""Who acts: the shape every actor has, and the system's own actors."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from mrm.core.refusal import Forbidden


class Identity(NamedTuple):
    """What an audit event keeps of an actor, copied so that later changes do not rewrite history."""

    key: str
    name: str
    roles: tuple[str, ...] = ()
    person: str | None = None
    on_behalf_of: str | None = None


class Actor(Protocol):
    @property
    def identity(self) -> Identity: ...

    def lacks(self, permission: str, subject: Any) -> str | None:
        """Why this actor may not use the permission on the subject, or None."""


@dataclass(frozen=True)
class System:
    """The application acting by itself: a schedule, a reaction, a worker."""

    name: str
    reason: str = field(default="", compare=False)

    @property
    def identity(self) -> Identity:
        return Identity(key=f"system:{self.name}", name=f"system:{self.name}", roles=("system",))

    def lacks(self, permission: str, subject: Any) -> str | None:
        return None


def permit(actor: Actor, permission: str, subject: Any) -> None:
    """Raise Forbidden unless the actor holds the permission on the subject."""
    if reason := actor.lacks(permission, subject):
        raise Forbidden(reason)
