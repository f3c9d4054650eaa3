"""A small client for many requests: connections that stay open, one request after another on each."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests import apart


@dataclass
class Answered:
    """Status and seconds of each request, and the body where it was asked for."""

    statuses: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    taken: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.statuses) / self.taken

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the requests was answered."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def ask_all(
    url: str, path: str, bodies: Iterable[bytes], *, connections: int = 16, seconds: float = 60, keep: bool = False
) -> Answered:
    """Send every body, or as many as the time allows."""
    found = Answered()
    began = time.perf_counter()
    apart.run(_ask_all(url, path, iter(bodies), connections, began + seconds, found, keep))
    found.taken = time.perf_counter() - began
    return found


def again_and_again(body: bytes) -> Iterator[bytes]:
    return itertools.repeat(body)


async def _ask_all(
    url: str, path: str, bodies: Iterator[bytes], connections: int, until: float, found: Answered, keep: bool
) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_ask(url, path, bodies, until, found, keep))


async def _ask(url: str, path: str, bodies: Iterator[bytes], until: float, found: Answered, keep: bool) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\nContent-Length: ".encode()
    )
    for body in bodies:
        began = time.perf_counter()
        if began > until:
            break
        writer.write(head + str(len(body)).encode() + b"\r\n\r\n" + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        size = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        content = await reader.readexactly(size)
        found.statuses.append(int(answer[9:12]))
        found.seconds.append(time.perf_counter() - began)
        if keep:
            found.bodies.append(content)
    writer.close()
    await writer.wait_closed()
