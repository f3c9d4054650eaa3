"""The real gateway as a process on loopback."""

import signal
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.gateway.models import Trained

TLS = ssl.create_default_context()  # made once: it is slow to make
PROJECT = Path(__file__).parents[2]


class GatewayProcess:
    """Started on a free port over a folder; can be killed and started again over the same one."""

    def __init__(self, root: Path) -> None:
        self.root, self.token_file = root / "state", root / "token"
        self.process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self, *options: str) -> "GatewayProcess":
        command = [sys.executable, "-m", "mrm.gateway", "--root", str(self.root), "--port", "0"]
        self.process = subprocess.Popen(
            [*command, "--token-file", str(self.token_file), *options],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), f"the gateway did not start: {line!r}"
        self.url = line.split()[-1]
        return self

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None

    def restart(self, how: int = signal.SIGTERM) -> None:
        self.stop(how)
        self.start()

    @property
    def token(self) -> str:
        return self.token_file.read_text()

    def call(self, method: str, path: str, *, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"} | more.pop("headers", {})
        with httpx.Client(base_url=self.url, timeout=20, trust_env=False, verify=TLS) as client:
            return client.request(method, path, headers=headers, **more)

    def upload(self, trained: Trained) -> None:
        answer = self.call("PUT", f"/control/artifacts/{trained.digest}", content=trained.content)
        assert answer.status_code == 201, answer.text

    def apply(self, name: str, *variants: dict[str, Any], revision: int = 1, **more: Any) -> httpx.Response:
        body = {"deployment": "d-1", "revision": revision, "variants": list(variants)}
        if "serving" in more:
            body["serving"] = more.pop("serving")
        return self.call("PUT", f"/control/endpoints/{name}", json=body, **more)

    def infer(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return self.call("POST", f"/v2/models/{path}/infer", json=body)

    def stored(self, digest: str) -> Path:
        return self.root / "artifacts" / digest[:2] / digest

    def tamper(self, digest: str) -> None:
        """Change one byte of a stored model file."""
        place = self.stored(digest)
        place.chmod(0o640)
        content = bytearray(place.read_bytes())
        content[len(content) // 2] ^= 1
        place.write_bytes(bytes(content))


def variant(trained: Trained, version: str, weight_bp: int = 10_000, **more: Any) -> dict[str, Any]:
    """A route's variant as the control interface takes it."""
    return {
        "role": "champion",
        "model": "credit",
        "version": version,
        "digest": trained.digest,
        "approval_id": "a-1",
        "weight_bp": weight_bp,
    } | more
