"""Signs every request: method, path, time, a number used once, and the digest of the body.

A receiver recomputes the same lines, compares the signature, and refuses a time too far from its
own clock or a number that it has seen within that window.
"""

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Iterator

import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..errors import Invalid

WINDOW_SECONDS = 300
CONTENT, IDEMPOTENCY = "Mrm-Content-SHA256", "Idempotency-Key"
_EMPTY = hashlib.sha256(b"").hexdigest()

Signer = Callable[[bytes], str]


def message(method: str, path: str, moment: str, number: str, content: str, key: str) -> bytes:
    """The bytes that are signed: one line each, in this order, without a last line break."""
    return f"mrm-v1\n{method}\n{path}\n{moment}\n{number}\n{content}\n{key}".encode()


def signer(scheme: str, secret: str) -> Signer:
    """What signs with this secret: a shared one, or an Ed25519 key in PEM."""
    if scheme == "hmac-sha256":
        return lambda content: hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
    try:
        key = load_pem_private_key(secret.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid("The secret is not a private key in PEM without a password.") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Invalid("The private key is not an Ed25519 key.")
    return lambda content: key.sign(content).hex()


class SignedAuth(httpx.Auth):
    """Adds time, number and signature to a request. Its repr shows no secret."""

    def __init__(self, scheme: str, sign: Signer, key_id: str) -> None:
        self._scheme, self._sign, self._key_id = scheme, sign, key_id

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        headers = request.headers
        if CONTENT not in headers:  # a streamed file brings the digest that it was verified against
            headers[CONTENT] = hashlib.sha256(request.content).hexdigest() if request.content else _EMPTY
        headers["Mrm-Timestamp"], headers["Mrm-Number"] = str(int(time.time())), uuid.uuid4().hex
        headers["Mrm-Key"] = self._key_id
        signed = message(
            request.method,
            request.url.raw_path.decode(),
            headers["Mrm-Timestamp"],
            headers["Mrm-Number"],
            headers[CONTENT],
            headers.get(IDEMPOTENCY, ""),
        )
        headers["Mrm-Signature"] = f"{self._scheme}={self._sign(signed)}"
        yield request
