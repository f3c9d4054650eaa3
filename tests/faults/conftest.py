"""The demo bank in the whole running application, and ways to break it for real."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from mrm.project.demo.bank import PASSWORD
from mrm.project.places import socket_folder
from tests.project.running import Up


class Visitor:
    """Somebody signed in, with the pages and the API in one session."""

    def __init__(self, address: str, username: str) -> None:
        # a server that refuses an upload half read closes the connection, so none is kept for the next request
        single = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=address, timeout=60, trust_env=False, limits=single)
        self.http.get("/sign-in/")
        answer = self.page("/sign-in/", data={"login": username, "password": PASSWORD})
        assert answer.status_code == 302, answer.text

    @property
    def _token(self) -> str:
        return self.http.cookies["csrftoken"]

    def page(self, path: str, data: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """Send a form, as a browser would that came from nowhere."""
        return self.http.post(path, data={**(data or {}), "csrfmiddlewaretoken": self._token}, **more)

    def api(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"X-CSRFToken": self._token, **more.pop("headers", {})}
        return self.http.request(method, f"/api/v1/{path}", headers=headers, **more)

    def made(self, path: str, **more: Any) -> Any:
        answer = self.api("POST", path, **more)
        assert answer.status_code in {200, 201, 202}, answer.text
        return answer.json()


@dataclass
class House:
    """The running application with the demo bank."""

    up: Up
    visitors: list[Visitor] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return Path(self.up.environment["MRM_DATA_DIR"])

    def enter(self, username: str) -> Visitor:
        self.visitors.append(Visitor(self.up.address, username))
        return self.visitors[-1]

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds, asked past the application."""
        url = f"postgresql://postgres@/mrm?host={socket_folder(self.folder)}"
        with psycopg.connect(url, autocommit=True) as connection:
            found = connection.execute(statement, values)
            return found.fetchall() if found.description else []

    def value(self, statement: str, *values: Any) -> Any:
        return self.rows(statement, *values)[0][0]

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Kill a process with all it started, and hold whoever would start it again."""
        supervisor, victim = psutil.Process(self.up.process.pid), self.up.children()[name]
        supervisor.suspend()
        try:
            os.killpg(victim.pid, signal.SIGKILL)
            yield
        finally:
            supervisor.resume()
            assert self.up.wait(lambda: name in self.up.children() and self.up.children()[name].pid != victim.pid)
            assert self.up.wait(lambda: self.up.answers("/readyz"))

    @contextmanager
    def full_disk(self, largest: int) -> Iterator[None]:
        """The web server's files end at `largest` bytes, told by the kernel at the write that would pass it."""
        web = self.up.children()["granian"]
        members = [web, *web.children(recursive=True)]
        before = [member.rlimit(psutil.RLIMIT_FSIZE) for member in members]
        for member, (_soft, hard) in zip(members, before, strict=True):
            member.rlimit(psutil.RLIMIT_FSIZE, (largest, hard))
        try:
            yield
        finally:
            for member, limits in zip(members, before, strict=True):
                member.rlimit(psutil.RLIMIT_FSIZE, limits)

    def stored(self) -> set[str]:
        """Every file of the storage."""
        return {str(path) for path in (self.folder / "blobs").rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def house(demo_bank: Up) -> Iterator[House]:
    founded = House(demo_bank)
    yield founded
    for visitor in founded.visitors:
        visitor.http.close()


@pytest.fixture(scope="session")
def priya(house: House) -> Visitor:
    """The data scientist."""
    return house.enter("priya")


MODEL = {
    "unit": "retail-lending",
    "owner": "daniel@nordhaven.example",
    "developer": "priya@nordhaven.example",
    "use_summary": "Lends.",
}


@pytest.fixture
def model(priya: Visitor, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A new model of this test's own."""
    made: dict[str, Any] = priya.made("models/", json={**MODEL, "name": request.node.name[:100]})
    return made


@pytest.fixture
def draft(priya: Visitor, model: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = priya.made(f"models/{model['id']}/versions/", json={"label": "1.0.0"})
    return made
