"""Bearer tokens that live for an hour: fetched when needed, kept in memory, forgotten when refused."""

import base64
import threading
import time
from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from .errors import AuthFailed, ConnectorError, Invalid
from .http import Backend, error_text

_EARLY = 300.0  # a token that ends within a request would be refused in the middle
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Fetch = Callable[[], tuple[str, float]]  # the token, and how many seconds it lives


class TokenAuth(httpx.Auth):
    """Signs requests with the token of `fetch`; its repr shows nothing."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch, self._lock = fetch, threading.Lock()
        self._token, self._until = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._current()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:  # withdrawn before its time
            self._until = 0.0

    def _current(self) -> str:
        with self._lock:
            if time.monotonic() >= self._until:
                self._token, lives = self._fetch()
                self._until = time.monotonic() + max(lives - _EARLY, lives / 2)
            return self._token


def client_credentials(authority: Backend, path: str, id: str, secret: str, scope: str, *, basic: bool) -> Fetch:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4); `basic` sends them in the header."""

    def fetch() -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "scope": scope}
        headers = dict(_FORM)
        if basic:
            pair = f"{quote(id, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": id, "client_secret": secret}
        return asked(authority, path, form, headers)

    return fetch


def asked(authority: Backend, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, float]:
    """One request for a token; it changes nothing, so it may be asked again."""
    found = authority.form(path, urlencode(form).encode(), headers)
    token, lives = found.get("access_token"), found.get("expires_in")
    if not isinstance(token, str) or not token:
        raise Invalid(f"{authority.name} gave no token.")
    try:
        return token, float(lives or 0)
    except (TypeError, ValueError):
        return token, 0.0


def refused(name: str) -> Callable[[int, Mapping[str, Any]], ConnectorError | None]:
    """Who issues tokens says 400 where others say 401."""

    def special(status: int, body: Mapping[str, Any]) -> ConnectorError | None:
        if status not in (400, 401, 403):
            return None
        return AuthFailed(f"{name} did not accept the credentials ({status}, {error_text(body)[:100]}).")

    return special
