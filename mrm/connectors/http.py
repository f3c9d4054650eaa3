"""HTTP to a backend: time limits, a size limit, and every failure as a typed error."""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import IO, Any

import certifi
import httpx

from .address import require_resolved
from .errors import (
    AuthFailed,
    Conflict,
    ConnectorError,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Transient,
)
from .values import Op

CONNECT_SECONDS = 2.0
READ_SECONDS = 10.0
MAX_ANSWER = 16 << 20
_QUOTED = 500
_READS = {"GET", "HEAD"}


class Backend:
    """One base URL with its credentials. Its repr and its errors never show a secret."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        auth: httpx.Auth | None = None,
        ca_file: str | None = None,
        read_seconds: float = READ_SECONDS,
        special: Callable[[int, Mapping[str, Any]], ConnectorError | None] | None = None,
    ) -> None:
        self.name, self.base_url = name, base_url
        self._auth, self._verify = auth, _tls(ca_file)
        self._read_seconds = read_seconds
        self._special = special or (lambda status, body: None)

    @classmethod
    def configured(
        cls,
        name: str,
        address: str,
        config: Mapping[str, Any],
        *,
        auth: httpx.Auth | None = None,
        special: Callable[[int, Mapping[str, Any]], ConnectorError | None] | None = None,
    ) -> "Backend":
        """With the certificates and the time limit that a place is configured with."""
        limit = config.get("read_seconds", READ_SECONDS)
        return cls(
            name, address.rstrip("/"), auth=auth, ca_file=config.get("ca_file"), read_seconds=limit, special=special
        )

    def __repr__(self) -> str:
        return f"<Backend {self.name} {self.base_url}>"

    def json(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        op: Op | None = None,
        timeout: float | None = None,
        reads: bool | None = None,
    ) -> dict[str, Any]:
        """Send JSON, receive a JSON object. `reads` says that a POST changes nothing."""
        found = self._exchanged(method, path, body, params, headers, op, timeout, reads)
        if not isinstance(found, dict):
            raise Invalid(f"{self.name} answered with JSON that is not an object.")
        return found

    def form(self, path: str, content: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
        """Send a form that changes nothing, receive a JSON object."""
        with self.send("POST", path, content=content, headers=headers, reads=True) as answer:
            found = self._parsed(answer)
        if not isinstance(found, dict):
            raise Invalid(f"{self.name} answered with JSON that is not an object.")
        return found

    def array(self, method: str, path: str, *, body: Any = None, reads: bool | None = None) -> list[Any]:
        """Send JSON, receive a JSON list."""
        found = self._exchanged(method, path, body, None, None, None, None, reads)
        if not isinstance(found, list):
            raise Invalid(f"{self.name} answered with JSON that is not a list.")
        return found

    def _exchanged(
        self,
        method: str,
        path: str,
        body: Any,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        op: Op | None,
        timeout: float | None,
        reads: bool | None,
    ) -> Any:
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        sent = dict(headers or {})
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
        with self.send(
            method,
            path,
            content=content,
            params=params,
            headers=sent,
            op=op,
            timeout=timeout,
            reads=reads,
        ) as answer:
            return self._parsed(answer)

    @contextmanager
    def send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | IO[bytes] | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        op: Op | None = None,
        timeout: float | None = None,
        reads: bool | None = None,
    ) -> Iterator["Answer"]:
        """One exchange; the answer is a stream, bound to the deadline of the operation."""
        seconds = self._limit(op, timeout)
        harmless = method in _READS if reads is None else reads
        with self._failures(harmless), self._client(seconds) as client:
            request = client.build_request(
                method, self.base_url + path, content=content, params=params, headers=headers
            )
            require_resolved(request.url.host, request.url.port)
            response = client.send(request, stream=True)
            try:
                answer = Answer(response, time.monotonic() + seconds)
                if not response.is_success:
                    raise self._refusal(answer, harmless)
                yield answer
            finally:
                response.close()

    def _client(self, seconds: float) -> httpx.Client:
        limit = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        return httpx.Client(
            auth=self._auth,
            timeout=limit,
            verify=self._verify,
            trust_env=False,
            follow_redirects=False,
        )

    def _limit(self, op: Op | None, timeout: float | None) -> float:
        seconds = self._read_seconds if timeout is None else timeout
        remaining = op.remaining() if op else None
        if remaining is not None:
            if remaining <= 0:
                raise Transient("The deadline of the operation has passed; nothing was sent.")
            seconds = min(seconds, remaining)
        return seconds

    @contextmanager
    def _failures(self, harmless: bool) -> Iterator[None]:
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            raise Transient(f"{self.name} cannot be reached at {self.base_url}.") from None
        except (httpx.TimeoutException, TimeoutError):
            raise self._unanswered("did not answer in time", harmless) from None
        except httpx.InvalidURL:
            raise Invalid(f"The address of {self.name} is not a valid URL.") from None
        except httpx.HTTPError:
            raise self._unanswered("broke off the connection", harmless) from None

    def _unanswered(self, what: str, harmless: bool) -> ConnectorError:
        if harmless:
            return Transient(f"{self.name} {what}.")
        return OutcomeUnknown(f"{self.name} {what}; whether the change happened is not known.")

    def _refusal(self, answer: "Answer", harmless: bool) -> ConnectorError:
        status, body = answer.status, _parsed(answer.read())
        special = self._special(status, body)
        if special is not None:
            return special
        said = f"{self.name} answered {status}: {error_text(body)}"
        if status in (401, 403):
            return AuthFailed(f"{self.name} did not accept the credentials ({status}).")
        if status == 404:
            return NotFound(said)
        if status in (409, 412):
            return Conflict(said)
        if status == 429:
            return RateLimited(said, _retry_after(answer.header("Retry-After") or ""))
        if status in (502, 504) and not harmless:
            return OutcomeUnknown(said)
        return Transient(said) if status >= 500 else Invalid(said)

    def _parsed(self, answer: "Answer") -> Any:
        try:
            return json.loads(answer.read() or b"{}")
        except ValueError:
            raise Invalid(f"{self.name} answered with something that is not JSON.") from None


class Answer:
    """A streamed response that ends at its deadline and at its size limit."""

    def __init__(self, response: httpx.Response, deadline: float) -> None:
        self._response, self.status = response, response.status_code
        self._deadline = deadline

    def header(self, name: str) -> str | None:
        value: str | None = self._response.headers.get(name)
        return value

    def chunks(self, *, timed: bool = True) -> Iterator[bytes]:
        """The body in pieces; without `timed` only each piece has a time limit."""
        for chunk in self._response.iter_bytes():
            if timed and time.monotonic() > self._deadline:
                raise TimeoutError
            yield chunk

    def read(self, limit: int = MAX_ANSWER) -> bytes:
        found = bytearray()
        for chunk in self.chunks():
            found += chunk
            if len(found) > limit:
                raise Invalid(f"The answer is larger than {limit >> 20} MiB.")
        return bytes(found)


class BearerAuth(httpx.Auth):
    """A bearer token that does not show in a repr."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


@cache
def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or certifi.where())
    except OSError:
        raise Invalid(f"The certificate file {ca_file} cannot be read.") from None


def error_text(body: Mapping[str, Any]) -> str:
    """What a backend says went wrong, cut to a readable length."""
    told = body.get("error") or body.get("message")
    if isinstance(told, dict):  # {"error": {"code": …, "message": …}}
        told = told.get("message") or told.get("code")
    return str(told or "no explanation")[:_QUOTED]


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _retry_after(value: str) -> float:
    if value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 1.0
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
