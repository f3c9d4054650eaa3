"""The real gateway on loopback, and a serving place that names it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from mrm.deployment import services
from mrm.deployment.models import Target
from tests.factories.access import SETUP, Cast


@dataclass
class Gateway:
    root: Path
    process: subprocess.Popen[str]
    address: str
    token: str

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False


def start(root: Path, port: int = 0) -> Gateway:
    token = root / "token"
    command = [
        sys.executable,
        "-m",
        "mrm.gateway",
        "--root",
        str(root / "data"),
        "--token-file",
        str(token),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = process.stdout.readline().strip().removeprefix("listening on ")
    gateway = Gateway(root, process, address, token.read_text().strip())
    deadline = time.monotonic() + 20
    while not gateway.answers() and time.monotonic() < deadline:
        time.sleep(0.05)
    return gateway


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    started = start(tmp_path)
    yield started
    started.stop()


@pytest.fixture
def place(cast: Cast, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setenv("MRM_SECRET_GATEWAY", gateway.token)
    return services.add_target(
        key="engine", name="Engine", connector_id="embedded", environment="production", unit=cast.bank,
        config={"base_url": gateway.address, "token_secret": "gateway"}, actor=SETUP,
    )  # fmt: skip
