"""The real witness as a process on loopback, and logs to show it."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from mrm.audit.log import merkle
from mrm.audit.log.notes import Checkpoint, SigningKey, VerifierKey, lines_of

PROJECT = Path(__file__).parents[2]
NAME = "witness.example/w1"


class WitnessProcess:
    """Started on a free port over a folder; can be killed and started again over the same one."""

    def __init__(self, folder: Path, *logs: str) -> None:
        self.db, self.key_file, self.logs = folder / "memory.db", folder / "witness.key", logs
        self.process: subprocess.Popen[str] | None = None
        self.url = self.vkey = ""

    def start(self) -> "WitnessProcess":
        self.process = subprocess.Popen(self.command(), cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.vkey = self.process.stdout.readline().split()[-1]
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the witness did not start: {line!r}"
        self.url = line.split()[-1]
        return self

    def command(self) -> list[str]:
        told = [word for log in self.logs for word in ("--log", log)]
        listen = self.url.removeprefix("http://") or "127.0.0.1:0"
        places = ["--db", str(self.db), "--key", str(self.key_file), "--name", NAME, "--listen", listen]
        return [sys.executable, "-m", "mrm.witness", *places, *told]

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def restart(self, how: int = signal.SIGTERM) -> None:
        """Again over the same memory, at the same address."""
        self.stop(how)
        self.start()

    @property
    def key(self) -> VerifierKey:
        return VerifierKey.parse(self.vkey)

    def post(self, body: str | bytes) -> httpx.Response:
        content = body.encode() if isinstance(body, str) else body
        return httpx.post(f"{self.url}/add-checkpoint", content=content, timeout=20, trust_env=False)


class History:
    """A log made in the test: its leaves, and its key."""

    def __init__(self, key: SigningKey, *leaves: bytes) -> None:
        self.key, self.leaves = key, [merkle.leaf_hash(leaf) for leaf in leaves]

    def grown(self, *leaves: bytes) -> "History":
        other = History(self.key)
        other.leaves = [*self.leaves, *map(merkle.leaf_hash, leaves)]
        return other

    def read(self, level: int, index: int) -> bytes:
        return merkle.root(self.leaves[index << level : (index + 1) << level])

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = len(self.leaves) if size is None else size
        return Checkpoint(self.key.name, size, merkle.root(self.leaves[:size]))

    def note(self, size: int | None = None) -> str:
        return self.key.sign(self.checkpoint(size).text())

    def request(self, old: int, size: int | None = None, note: str | None = None) -> str:
        size = len(self.leaves) if size is None else size
        proof = lines_of(merkle.consistency_proof(old, size, self.read)) if 0 <= old <= size else []
        return "\n".join([f"old {old}", *proof, "", note or self.note(size)])
