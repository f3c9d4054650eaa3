"""The provider as a process of its own, and a visitor with a browser for both sides."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from django.test import Client

from mrm.access.single_sign_on import configured
from tests.sso.provider import PASSWORD

ROOT = Path(__file__).resolve().parent.parent.parent
CALLBACK = "http://testserver/sign-in/sso/callback/"
PEOPLE = ("rita", "olivia", "nina", "mallory")


@dataclass
class Provider:
    address: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"MRM_SSO_ISSUER": f"{self.address}/o", "MRM_SSO_CLIENT_ID": "mrm", "MRM_SSO_CLIENT_SECRET": "s" * 40}

    def says(self, who: str, /, **claims: Any) -> None:
        """From now on this about one of its people."""
        told = json.loads((self.folder / "people.json").read_text())
        self._write("people.json", {**told, who: claims})

    def lies(self, **claims: Any) -> None:
        self._write("told.json", claims)

    def reset(self) -> None:
        (self.folder / "told.json").unlink(missing_ok=True)
        self._write("people.json", {name: {} for name in PEOPLE})

    def _write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content))


@pytest.fixture(scope="session")
def running_provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    found = Provider(f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("provider"))
    found.reset()
    program = [sys.executable, "-m", "tests.sso.provider", str(found.folder), str(port), "mrm", "s" * 40, CALLBACK]
    process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "Ready\n"
    yield found
    process.terminate()
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def provider(running_provider: Provider, settings: Any) -> Provider:
    """The provider with nobody known, and the application configured for it."""
    running_provider.reset()
    settings.SSO = configured(running_provider.environment)
    return running_provider


class Visitor:
    """One person at a browser: our pages by the test client, the provider's over the wire."""

    def __init__(self) -> None:
        self.here = Client()

    def asks(self) -> str:
        """The address at the provider that our page leads to."""
        answer = self.here.get("/sign-in/sso/", {"next": "/models/"})
        assert answer.status_code == 302, answer.content.decode()
        return str(answer["Location"])

    def signs_in_there(self, address: str, name: str) -> str:
        """Back from the provider: the address of our callback."""
        with httpx.Client() as there:
            answer = there.get(address)
            page = there.get(httpx.URL(address).join(answer.headers["Location"]))
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            assert token is not None
            given = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
            answer = there.post(page.url, data=given)
            assert answer.status_code == 302, answer.text
            answer = there.get(httpx.URL(address).join(answer.headers["Location"]))
            return str(answer.headers["Location"])

    def arrives(self, address: str) -> Any:
        parts = urlsplit(address)
        assert parts.path == "/sign-in/sso/callback/", address
        return self.here.get(parts.path, {name: value[0] for name, value in parse_qs(parts.query).items()})

    def walks(self, name: str) -> Any:
        return self.arrives(self.signs_in_there(self.asks(), name))

    @property
    def is_signed_in(self) -> bool:
        return bool(self.here.get("/people/account/").status_code == 200)


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()
