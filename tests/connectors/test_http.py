"""Every way a backend can misbehave becomes a typed error with a sentence."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import pytest

from mrm.connectors.http import Backend, BearerAuth
from mrm.connectors.protocol import (
    AuthFailed,
    Conflict,
    ConnectorError,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Transient,
)
from tests.connectors.bench import op

HTML = b"<html>Welcome to the proxy</html>"


class Misbehaving(BaseHTTPRequestHandler):
    """The path says what to answer."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        _, what, *rest = unquote(self.path).split("/")
        if what == "status":
            self.reply(int(rest[0]), json.dumps({"error": "said so"}).encode(), rest[1:])
        elif what == "body":
            self.reply(200, {"html": HTML, "list": b"[1]", "huge": b"x" * (17 << 20)}[rest[0]])
        elif what == "drip":
            self.drip()
        elif what == "hang":
            time.sleep(1)
        elif what == "redirect":
            self.reply(302, b"", ["Location", "http:..169.254.169.254"])

    do_GET = do_PUT = do_POST = answer  # noqa: N815  the names the server calls

    def reply(self, status: int, body: bytes, headers: list[str] | None = None) -> None:
        self.send_response(status)
        if headers:
            self.send_header(headers[0], headers[1].replace("..", "//"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            pass

    def drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(20):
                self.wfile.write(b" ")
                time.sleep(0.1)
        except ConnectionError:
            pass

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def backend() -> Iterator[Backend]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Backend("The backend", url, auth=BearerAuth("hidden-token"), read_seconds=0.4)
        server.shutdown()


@pytest.mark.parametrize(
    ("method", "status", "kind"),
    [
        ("GET", 400, Invalid),
        ("PUT", 422, Invalid),
        ("GET", 401, AuthFailed),
        ("GET", 403, AuthFailed),
        ("GET", 404, NotFound),
        ("PUT", 409, Conflict),
        ("PUT", 412, Conflict),
        ("GET", 500, Transient),
        ("PUT", 500, Transient),
        ("GET", 502, Transient),
        ("PUT", 502, OutcomeUnknown),
        ("PUT", 504, OutcomeUnknown),
        ("GET", 302, Invalid),
    ],
)
def test_status(backend: Backend, method: str, status: int, kind: type[ConnectorError]) -> None:
    with pytest.raises(ConnectorError) as caught:
        backend.json(method, f"/status/{status}")
    assert type(caught.value) is kind
    assert caught.value.message.startswith("The backend ")


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("Wed, 21 Oct 2099 07:28:00 GMT", 1e6, 1e10), ("soon", 1, 1), ("-5", 1, 1)],
)
def test_retry_after(backend: Backend, header: str, low: float, high: float) -> None:
    with pytest.raises(RateLimited) as caught:
        backend.json("GET", f"/status/429/Retry-After/{quote(header)}")
    assert not caught.value.permanent
    assert low <= caught.value.retry_after <= high


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("html", "The backend answered with something that is not JSON."),
        ("list", "The backend answered with JSON that is not an object."),
        ("huge", "The answer is larger than 16 MiB."),
    ],
)
def test_strange_answers(backend: Backend, what: str, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        backend.json("GET", f"/body/{what}", timeout=5)
    assert caught.value.message == sentence


def test_silence_after_a_read_is_transient(backend: Backend) -> None:
    with pytest.raises(Transient, match=r"^The backend did not answer in time\.$"):
        backend.json("GET", "/hang")


def test_silence_after_a_change_is_an_unknown_outcome(backend: Backend) -> None:
    with pytest.raises(OutcomeUnknown, match="whether the change happened is not known"):
        backend.json("PUT", "/hang", body={})


def test_slow_drip_ends_at_the_time_limit(backend: Backend) -> None:
    started = time.monotonic()
    with pytest.raises(Transient):
        backend.json("GET", "/drip")
    assert time.monotonic() - started < 1.5


def test_deadline_of_the_operation_shortens_the_wait(backend: Backend) -> None:
    started = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        backend.json("PUT", "/hang", body={}, op=op(seconds=0.1), timeout=30)
    assert time.monotonic() - started < 0.9


def test_redirects_are_not_followed(backend: Backend) -> None:
    with pytest.raises(Invalid, match="302"):
        backend.json("GET", "/redirect")


def test_token_does_not_show(backend: Backend) -> None:
    assert "hidden-token" not in f"{backend!r} {vars(backend)}"
