"""The one way the gateway says no."""

MANUAL = "refer_to_manual"  # the code of a request that no model may decide now


class Refused(Exception):
    """An HTTP status, a sentence fit to show a person, and for programs a code where the status says too little."""

    def __init__(self, status: int, message: str, code: str = "", **more: object) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.more = status, message, code, more

    def told(self) -> dict[str, object]:
        """As the protocol's error object."""
        return {"error": self.message, **({"code": self.code} if self.code else {}), **self.more}
