"""Secrets that the application must read again are encrypted at rest, under a key derived from the secret key."""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from mrm.core.refusal import Refused

PURPOSE = b"mrm.access.sealing"


def seal(text: str) -> str:
    """The text as it is kept."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str, *, within_s: int | None = None) -> str:
    """The text again; refused when it was sealed by somebody else, or longer ago than it may be."""
    try:
        return _keys().decrypt(sealed.encode(), ttl=within_s).decode()
    except InvalidToken as error:
        raise Refused("This was not begun here, or too long ago; begin again.") from error


def _keys() -> MultiFernet:
    """The present key first; those it replaced still open what they sealed."""
    return MultiFernet([_key(str(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
