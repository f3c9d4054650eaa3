"""The one way the witness says no."""


class Refused(Exception):
    """An HTTP status and a sentence fit to show a person; `size` is what the witness saw, where the protocol asks it."""

    def __init__(self, status: int, message: str, size: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.size = status, message, size
