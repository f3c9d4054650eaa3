"""The one domain exception, in the words a person is shown."""

from typing import Any


class Refused(Exception):
    """The rules do not allow this; each reason is a sentence fit to show a person."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = tuple(reasons)


class Forbidden(Refused):
    """The actor lacks the role for this, whatever the state of the subject."""


class Stale(Refused):
    """Somebody else changed the record meanwhile; `changes` maps a field to (yours, theirs)."""

    def __init__(self, *reasons: str, changes: dict[str, tuple[Any, Any]] | None = None) -> None:
        super().__init__(*reasons)
        self.changes = changes or {}


class Invalid(Refused):
    """The input is not well formed; `fields` maps a field to its sentences."""

    def __init__(self, *reasons: str, fields: dict[str, list[str]] | None = None) -> None:
        super().__init__(*reasons)
        self.fields = fields or {}
