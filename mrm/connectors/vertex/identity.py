"""Tokens of Google: of a service account's key, else of where the process runs."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx

from ..address import require_resolved, require_url
from ..errors import AuthFailed, Invalid, Transient
from ..http import READ_SECONDS
from ..tokens import Fetch

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_GOOGLE = "Google"


class _Answer:
    """An answer as google-auth reads it."""

    def __init__(self, response: httpx.Response) -> None:
        self.status, self.headers, self.data = response.status_code, response.headers, response.content


class _Way:
    """google-auth's requests over httpx; `own` says that the address came with a key, and not from where we run."""

    def __init__(self, seconds: float, *, own: bool) -> None:
        self._seconds, self._own = seconds, own

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **_: Any,
    ) -> _Answer:
        if self._own:
            where = httpx.URL(require_url(url))
            require_resolved(where.host, where.port)
        try:
            with httpx.Client(timeout=timeout or self._seconds, trust_env=False) as client:
                return _Answer(client.request(method, url, content=body, headers=dict(headers or {})))
        except httpx.HTTPError:
            raise Transient(f"{_GOOGLE} did not answer when it was asked for a token.") from None


def fetch(config: Mapping[str, Any], secrets: Mapping[str, str]) -> Fetch:
    """How a token is had: by the named key, else by what google-auth finds where the process runs."""
    seconds = config.get("read_seconds", READ_SECONDS)
    found: list[Any] = []

    def ask() -> tuple[str, float]:
        try:
            from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415  an extra
        except ImportError:
            raise Invalid("The vertex connector needs the extra `vertex`; install it first.") from None
        own = "key_secret" in config
        try:
            if not found:
                found.append(_key(secrets["key_secret"]) if own else _ambient())
            found[0].refresh(_Way(seconds, own=own))
        except GoogleAuthError:
            raise AuthFailed(f"{_GOOGLE} did not accept the credentials, or there are none here.") from None
        expiry = found[0].expiry
        lives = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds() if expiry else 0.0
        return str(found[0].token), lives

    return ask


def _key(text: str) -> Any:
    from google.oauth2.service_account import Credentials  # noqa: PLC0415  an extra

    try:
        return Credentials.from_service_account_info(json.loads(text), scopes=_SCOPES)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, AttributeError):
        raise AuthFailed("The secret named in key_secret is not the key file of a service account.") from None


def _ambient() -> Any:
    from google.auth import default  # noqa: PLC0415  an extra

    return default(scopes=_SCOPES)[0]
