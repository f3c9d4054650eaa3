"""Real servers for the tests, each in a virtual environment of its own, kept in the user's cache."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mrm-test-venvs"
PATIENCE = float(os.environ.get("MRM_TEST_VENV_SECONDS", "900"))


def programs(name: str, requirements: Sequence[str]) -> Path:
    """The folder of an environment's programs; made once, by one process. Skips when it cannot be made."""
    place = CACHE / name
    made = place / "made-from.txt"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists() or made.read_text().split("\n") != list(requirements):
            if not _made_by_uv(place, requirements):
                _run_or_skip(name, [sys.executable, "-m", "venv", str(place)])
                pip = [str(place / "bin" / "pip"), "install", "--quiet", "--no-input"]
                _run_or_skip(name, [*pip, *requirements])
            made.write_text("\n".join(requirements))
    return place / "bin"


def _made_by_uv(place: Path, requirements: Sequence[str]) -> bool:
    """In seconds where pip takes minutes; not where uv is absent, or only pip knows which index to ask."""
    uv = [
        str(Path(sys.executable).parent / "uv"),
        "pip",
        "install",
        "--quiet",
        "--system-certs",
        "--python",
        str(place / "bin" / "python"),
    ]
    try:
        for command in ([sys.executable, "-m", "venv", "--without-pip", str(place)], [*uv, *requirements]):
            subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _run_or_skip(name: str, command: list[str]) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{name.upper()} IS NOT TESTED: its environment could not be made: {error}")
    if done.returncode:
        pytest.skip(f"{name.upper()} IS NOT TESTED: its environment could not be made: {done.stderr[-500:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: its leader goes before the server that holds the address."""
    os.killpg(process.pid, signal.SIGTERM)
    limit = time.monotonic() + 15
    while time.monotonic() < limit and _lives(process):
        time.sleep(0.1)
    if _lives(process):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(15)


def _lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def wait_for(url: str, seconds: float = 90, process: subprocess.Popen[bytes] | None = None) -> None:
    """Until the address answers with success; no longer than its process lives."""
    limit = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < limit:
            assert process is None or process.poll() is None, f"the server of {url} ended; its log tells why"
            try:
                if client.get(url).is_success:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
    raise AssertionError(f"{url} did not answer within {seconds:.0f} seconds")
