"""Whether what the control plane sent is what the control plane said."""

from typing import Any

from mrm.core.envelope import NotSealed, opened

from .refusal import Refused

ROUTE = "application/vnd.mrm.gateway.route.v1+json"
APPROVAL = "application/vnd.mrm.gateway.approval.v1+json"


class Seal:
    """With the control plane's public key nothing unsigned is taken, neither from the network nor from disk."""

    def __init__(self, public: bytes | None) -> None:
        self._public = public

    @property
    def closed(self) -> bool:
        return self._public is not None

    def content(self, body: Any, kind: str) -> Any:
        """The signed content, or the body as it is where no key was given."""
        if self._public is None:
            if isinstance(body, dict) and "payloadType" in body:
                raise Refused(400, "This gateway has no key to check signatures with; start it with --route-key.")
            return body
        try:
            return opened(body, kind, self._public)
        except NotSealed as fault:
            raise Refused(422, f"This gateway takes only what its control plane has signed: {fault}.") from None
