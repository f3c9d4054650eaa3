"""A proxy on loopback that does what networks and backends do, in front of the real backend."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Answer = tuple[int, dict[str, str], bytes]
Fault = Callable[["Exchange"], Answer | None]  # None: the connection ends without an answer
_HOP = {"connection", "content-length", "keep-alive", "server", "transfer-encoding"}


@dataclass
class Exchange:
    """One request, and the way to let the backend have it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    forward: Callable[[], Answer] = field(repr=False)

    @property
    def purpose(self) -> str:
        """The path, and the operation of services that have one path for all."""
        named = {name.lower(): value for name, value in self.headers.items()}
        return f"{self.path} {named.get('x-amz-target', '')}".strip()


@dataclass
class _Rule:
    fault: Fault
    changes_only: bool
    skip: int
    times: int | None


class FaultyProxy:
    """Forwards everything; `on` arms one fault. `reads` says which POSTs change nothing.

    With `token` it demands a bearer token, for backends that have no credentials of their own.
    """

    def __init__(self, target: str, *, reads: str = r"(?!)", token: str | None = None) -> None:
        self._host, self._prefix = urlsplit(target).netloc, urlsplit(target).path.rstrip("/")
        self._reads, self._token = re.compile(reads), token
        self._lock, self._rule = threading.Lock(), None
        self.changes = self.fired = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{self._prefix}"

    def __enter__(self) -> "FaultyProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def on(
        self, fault: Fault, *, nth_change: int | None = None, after: int = 0, times: int | None = 1
    ) -> Iterator[None]:
        """Use `fault` from the nth request that changes something (or after that many requests)."""
        skip = after if nth_change is None else nth_change - 1
        with self._lock:
            self._rule, self.changes, self.fired = _Rule(fault, nth_change is not None, skip, times), 0, 0
        try:
            yield
        finally:
            self._rule = None

    def is_change(self, exchange: Exchange) -> bool:
        if exchange.method in {"GET", "HEAD"}:
            return False
        return not (exchange.method == "POST" and self._reads.search(exchange.purpose))

    def answer(self, exchange: Exchange) -> Answer | None:
        if self._token and exchange.headers.get("Authorization") != f"Bearer {self._token}":
            return 401, {}, b'{"error": "who are you?"}'
        fault = self._due(exchange)
        return fault(exchange) if fault else exchange.forward()

    def _due(self, exchange: Exchange) -> Fault | None:
        with self._lock:
            change = self.is_change(exchange)
            self.changes += change
            rule = self._rule
            if rule is None or (rule.changes_only and not change):
                return None
            if rule.skip:
                rule.skip -= 1
                return None
            if rule.times is not None and self.fired >= rule.times:
                return None
            self.fired += 1
            return rule.fault

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        sent = {k: v for k, v in headers.items() if k.lower() not in _HOP | {"host", "accept-encoding"}}
        asked = headers.get("X-Forwarded-Host") or headers.get("Host", "")
        connection = HTTPConnection(self._host, timeout=60)
        try:
            connection.request(
                method, path, body=body or None, headers=sent | {"Host": self._host, "X-Forwarded-Host": asked}
            )
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
            return answer.status, kept, answer.read()
        except (OSError, HTTPException):
            return 502, {}, b'{"error": "the backend behind the proxy is gone"}'
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                headers, body = dict(self.headers.items()), _body(self)
                method, path = self.command, self.path
                exchange = Exchange(method, path, headers, body, lambda: proxy.forward(method, path, headers, body))
                answer = proxy.answer(exchange)
                self.close_connection = True
                if answer is not None:
                    _send(self, *answer)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_one  # noqa: N815  the server's names

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def says(status: int, body: bytes = b'{"error": "said so"}', **headers: str) -> Fault:
    """The backend never sees the request; somebody on the way answers."""
    return lambda exchange: (status, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def drops_after_send(exchange: Exchange) -> None:
    """The backend does it; the answer is lost."""
    exchange.forward()


def never_arrives(exchange: Exchange) -> None:
    """The connection ends before the backend sees the request."""


def late(seconds: float) -> Fault:
    """The backend does it; the answer comes after the caller stopped waiting."""

    def fault(exchange: Exchange) -> Answer:
        answer = exchange.forward()
        time.sleep(seconds)
        return answer

    return fault


def held(done: threading.Event, release: threading.Event) -> Fault:
    """The backend does it; the answer waits while the test does something to the caller."""

    def fault(exchange: Exchange) -> Answer:
        answer = exchange.forward()
        done.set()
        release.wait(30)
        return answer

    return fault


def says_instead(body: bytes) -> Fault:
    """The backend does it and says something that makes no sense."""

    def fault(exchange: Exchange) -> Answer:
        _, headers, _ = exchange.forward()
        return 200, headers, body

    return fault


def at_another_time(date: str) -> Fault:
    """The backend's clock is wrong."""

    def fault(exchange: Exchange) -> Answer:
        status, headers, body = exchange.forward()
        kept = {k: v for k, v in headers.items() if k.lower() != "date"}
        return status, kept | {"Date": date}, body

    return fault


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    found = b""
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        found += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return found


def _send(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    try:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
    except ConnectionError:
        pass  # the caller stopped waiting
