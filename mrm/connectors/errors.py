"""What can go wrong at a backend, told apart by what the caller may do next."""


class ConnectorError(Exception):
    """Remote trouble, as a sentence fit to show a person."""

    permanent = True

    def __init__(self, message: str, permanent: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        if permanent is not None:
            self.permanent = permanent


class Invalid(ConnectorError):
    """The request, the configuration or the answer makes no sense. Trying again does not help.

    `field` is the one of a configuration that is meant, or empty.
    """

    def __init__(self, message: str, permanent: bool | None = None, field: str = "") -> None:
        super().__init__(message, permanent)
        self.field = field


class Unsupported(ConnectorError):
    """The backend cannot do this and the connector never said it could."""


class AuthFailed(ConnectorError):
    """The backend did not accept who we say we are."""


class NotFound(ConnectorError):
    """The thing named does not exist at the backend."""


class Conflict(ConnectorError):
    """Someone else changed the backend, or owns what was asked for. Observe before deciding."""


class Integrity(ConnectorError):
    """The bytes are not the approved bytes. Never retried."""


class Transient(ConnectorError):
    """Nothing was changed; the same call may succeed later."""

    permanent = False


class RateLimited(Transient):
    """The backend asks to wait `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NotYet(Transient):
    """The backend is at work on what the call needs. Nothing failed; the same call goes on later."""


class OutcomeUnknown(ConnectorError):
    """The call was sent and no answer came. Observe first; never repeat it blindly."""

    permanent = False
