"""The gateway's HTTP, byte by byte: heads that never end, answers without a body, requests that come at once."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from mrm.gateway.wire import LONGEST_HEAD
from tests.gateway.process import GatewayProcess

LIVE = b"/v2/health/live HTTP/1.1\r\nHost: gateway\r\n"
TOO_LONG = f"The head of a request is at most {LONGEST_HEAD} bytes long.".encode()
PIECES = 40  # of 8 KiB each, five times as much as is taken


@contextmanager
def connected(gateway: GatewayProcess) -> Iterator[socket.socket]:
    place = urlsplit(gateway.url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=5) as found:
        yield found


def sent(connection: socket.socket, pieces: Iterable[bytes]) -> int:
    """How many pieces were taken before the other side closed."""
    count = 0
    for piece in pieces:
        try:
            connection.sendall(piece)
        except OSError:
            break
        count += 1
        time.sleep(0.01)
    return count


def read_until_closed(connection: socket.socket) -> bytes:
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def answered(connection: socket.socket, times: int) -> bytes:
    """What came until so many answers began, and a moment after."""
    found = b""
    while found.count(b"HTTP/1.1 ") < times or not found.endswith((b"}", b"\r\n\r\n")):
        found += connection.recv(65_536)
    return found


@pytest.mark.parametrize(
    "flood",
    [
        [b"GET " + LIVE + b"X-Long: ", *[b"a" * 8_192] * PIECES],
        [b"GET " + LIVE, *[b"".join(b"X-%04d: %s\r\n" % (n, b"a" * 100) for n in range(75))] * PIECES],
        [b"GET /", *[b"a" * 8_192] * PIECES],
    ],
    ids=["one header", "many headers", "an address"],
)
def test_a_head_without_an_end_is_refused_before_it_fills_the_memory(
    gateway: GatewayProcess, flood: list[bytes]
) -> None:
    with connected(gateway) as connection:
        taken = sent(connection, flood)
        assert taken < len(flood), "somebody went on reading"
        found = read_until_closed(connection)
    assert found == b"" or (found.startswith(b"HTTP/1.1 400 ") and TOO_LONG in found)
    with connected(gateway) as connection:
        connection.sendall(b"GET " + LIVE + b"\r\n")
        assert answered(connection, 1).startswith(b"HTTP/1.1 200 ")


def test_what_follows_a_body_in_pieces_ends_too(gateway: GatewayProcess) -> None:
    head = b"POST /v2/models/none/infer HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(gateway) as connection:
        flood = [head + b"2\r\n{}\r\n0\r\n", *[b"X-After: " + b"a" * 8_192 + b"\r\n"] * PIECES]
        assert sent(connection, flood) < len(flood)


def test_an_answer_without_a_body_is_not_held_back(gateway: GatewayProcess) -> None:
    with connected(gateway) as connection:
        for _ in range(2):
            connection.sendall(b"HEAD " + LIVE + b"\r\n")
            assert answered(connection, 1).startswith(b"HTTP/1.1 ")


def test_requests_that_come_at_once_are_answered_in_their_order(gateway: GatewayProcess) -> None:
    with connected(gateway) as connection:
        connection.sendall(
            b"GET " + LIVE + b"\r\nGET /v2/models/none HTTP/1.1\r\nHost: gateway\r\n\r\nGET " + LIVE + b"\r\n"
        )
        found = answered(connection, 3)
    assert [part[:3] for part in found.split(b"HTTP/1.1 ")[1:]] == [b"200", b"404", b"200"]


def test_who_waits_to_be_asked_for_the_body_is_asked(gateway: GatewayProcess) -> None:
    head = b"POST /v2/models/none/infer HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with connected(gateway) as connection:
        connection.sendall(head)
        first = connection.recv(65_536)
        if first.startswith(b"HTTP/1.1 100 "):
            connection.sendall(b"{}")
            first = connection.recv(65_536)
    assert first.startswith(b"HTTP/1.1 404 ")


def test_nobody_leaves_http(gateway: GatewayProcess) -> None:
    with connected(gateway) as connection:
        connection.sendall(
            b"GET " + LIVE + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert answered(connection, 1).startswith(b"HTTP/1.1 200 ")
    with connected(gateway) as connection:
        connection.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
        assert read_until_closed(connection).startswith(b"HTTP/1.1 400 ")
