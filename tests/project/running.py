"""The whole application as processes of this machine, as `manage.py up` starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Up:
    process: subprocess.Popen[str]
    environment: dict[str, str]
    address: str
    said: list[str]

    def children(self) -> dict[str, psutil.Process]:
        """The processes it started, by what they are."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            try:
                command = " ".join(child.cmdline())
            except psutil.Error:
                continue
            for name in (
                "postgres -D",
                "valkey-server",
                "mrm.gateway",
                "celery worker",
                "beat",
                "sequencer",
                "granian",
            ):
                if name in command.replace("-A mrm.project.celery ", ""):
                    found[name] = child
        return found

    def answers(self, path: str = "/healthz") -> bool:
        try:
            return httpx.get(self.address + path, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def wait(self, condition: object, within: float = 40.0) -> bool:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if condition():  # type: ignore[operator]
                return True
            time.sleep(0.2)
        return False


def start(folder: Path, **more: str) -> Up:
    """Start everything on free ports over a folder, and wait until it answers."""
    port = free_port()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("DATABASE", "MRM_TEST"))}
    # as a person starts it: what is said into a pipe must come at once without any help
    environment = {key: value for key, value in kept.items() if key != "PYTHONUNBUFFERED"}
    environment |= {"MRM_DATA_DIR": str(folder), "MRM_PORT": str(port), "MRM_GATEWAY_PORT": str(free_port()), **more}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Ready at"):
            break
    started = Up(process, environment, f"http://127.0.0.1:{port}", said)
    assert started.answers(), "".join(said)
    return started


def stop(started: Up) -> None:
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
        started.process.wait(60)
    assert started.process.stdout is not None
    started.process.stdout.close()
