"""The one way the gateway says no."""


class Refused(Exception):
    """An HTTP status and a sentence fit to show a person."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
