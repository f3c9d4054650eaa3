"""Keep the processes of one installation running: start, watch, restart, stop in order."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
STOPPED_WITHIN = 20.0
LONGEST_PAUSE = 30.0


class AlreadyRunning(Exception):
    """Another supervisor holds the same folder."""


class Lock:
    """One supervisor a folder; the lock dies with the process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "up.lock"
        self._file = self.path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            raise AlreadyRunning(f"Process {self._file.read().strip() or '?'} runs on {folder} already.") from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()


def die_with_parent(stop: signal.Signals) -> Callable[[], None]:
    """What a child runs before its program: the kernel stops it when we are gone, however we went."""

    def prepare() -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(stop))

    return prepare


@dataclass
class Service:
    """One process: its command, how it is asked to stop, and where its words go."""

    name: str
    command: list[str]
    log: Path
    stop: signal.Signals = signal.SIGTERM
    user: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    not_before: float = 0.0

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as words:
            self.process = subprocess.Popen(
                self.command,
                stdout=words,
                stderr=words,
                stdin=subprocess.DEVNULL,
                env=os.environ | self.environment,
                user=self.user,
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop),  # noqa: PLW1509  the supervisor has one thread
            )
        self.started = time.monotonic()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def end(self) -> None:
        """Ask to stop, wait, then insist."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop)
            try:
                self.process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.clear()

    def clear(self) -> None:
        """End what a dead process left behind: its children hold ports and files."""
        assert self.process is not None
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class Supervisor:
    """Services in their order of start; what dies is started again, later each time it dies at once."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.services: list[Service] = []
        self.tell = tell
        self.stopping = False

    def trap(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked)

    def _asked(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def add(self, service: Service, ready: Callable[[], bool] | None = None, within: float = 60.0) -> None:
        """Start a service and wait until it is ready."""
        self.services.append(service)
        service.start()
        deadline = time.monotonic() + within
        while ready is not None and not ready():
            if not service.is_running() or time.monotonic() > deadline or self.stopping:
                raise RuntimeError(f"{service.name} did not start; see {service.log}")
            time.sleep(0.1)

    def watch(self) -> None:
        """Until asked to stop: look every half second, and start again what died."""
        while not self.stopping:
            for service in self.services:
                self._revive(service)
            time.sleep(0.5)

    def _revive(self, service: Service) -> None:
        now = time.monotonic()
        if service.is_running():
            if now - service.started > LONGEST_PAUSE:
                service.failures = 0
            return
        if service.not_before == 0.0:
            service.clear()
            pause = min(LONGEST_PAUSE, 0.5 * 2**service.failures)
            service.failures += 1
            service.not_before = now + pause
            code = service.process.returncode if service.process else "?"
            self.tell(f"{service.name} ended with {code}; it starts again in {pause:.1f} s (see {service.log.name})")
        if now >= service.not_before:
            service.not_before = 0.0
            service.start()

    def stop(self) -> None:
        """Last started, first stopped, so that nobody loses the ground under his feet."""
        for service in reversed(self.services):
            service.end()


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
