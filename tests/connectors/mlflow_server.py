"""A real MLflow server in a virtual environment of its own, kept in the user's cache."""

import os
import secrets
import subprocess
from pathlib import Path

import httpx

from tests.connectors.servers import end, free_port, programs, wait_for

MLFLOW = "3.17.2"
REQUIREMENTS = (f"mlflow=={MLFLOW}", "Flask-WTF<2", "onnx==1.23.2", "onnxruntime==1.31.1")
USER = "admin"
_QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def environment() -> Path:
    """The folder with MLflow's programs."""
    return programs(f"mlflow-{MLFLOW}", REQUIREMENTS)


class MlflowServer:
    """Tracking server and registry with user names and passwords, on loopback."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin = root, environment()
        self.password = secrets.token_urlsafe(16)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._groups: list[subprocess.Popen[bytes]] = []
        self._scoring: subprocess.Popen[bytes] | None = None

    def start(self) -> "MlflowServer":
        config = self.root / "auth.ini"
        config.write_text(
            "[mlflow]\ndefault_permission = READ\n"
            f"database_uri = sqlite:///{self.root}/auth.db\n"
            f"admin_username = {USER}\nadmin_password = {self.password}\n"
            "auth_cache_ttl_seconds = 60\n"
            "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        )
        options = ["--host", "127.0.0.1", "--port", self.url.rsplit(":", 1)[1], "--workers", "1"]
        stores = ["--backend-store-uri", f"sqlite:///{self.root}/mlflow.db"]
        files = ["--artifacts-destination", str(self.root / "files"), "--app-name", "basic-auth"]
        secret = {
            "MLFLOW_AUTH_CONFIG_PATH": str(config),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
        }
        self._spawn(["server", *options, *stores, *files], secret)
        wait_for(self.url + "/health")
        return self

    def serve(self, model: str, url: str = "") -> str:
        """A scoring server for `models:/{model}`; its address."""
        url = url or f"http://127.0.0.1:{free_port()}"
        options = ["--env-manager", "local", "--host", "127.0.0.1", "--port", url.rsplit(":", 1)[1]]
        access = {
            "MLFLOW_TRACKING_URI": self.url,
            "MLFLOW_TRACKING_USERNAME": USER,
            "MLFLOW_TRACKING_PASSWORD": self.password,
        }
        self._scoring = self._spawn(["models", "serve", "-m", f"models:/{model}", *options], access)
        wait_for(url + "/ping")
        return url

    def serve_no_more(self) -> None:
        """End the last scoring server, so that another may take its address."""
        assert self._scoring is not None
        self._groups.remove(self._scoring)
        end(self._scoring)

    def stop(self) -> None:
        for process in self._groups:
            end(process)

    def call(self, method: str, path: str, **more: object) -> httpx.Response:
        answer = httpx.request(
            method,
            f"{self.url}/api/2.0/{path}",
            auth=(USER, self.password),
            timeout=30,
            trust_env=False,
            **more,  # type: ignore[arg-type]
        )
        assert answer.is_success, answer.text
        return answer

    def _spawn(self, arguments: list[str], more: dict[str, str]) -> subprocess.Popen[bytes]:
        # models serve starts uvicorn by name, so the environment's programs come first
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        with (self.root / "log.txt").open("ab") as log:
            started = subprocess.Popen(
                [str(self.bin / "mlflow"), *arguments],
                env=os.environ | _QUIET | more | {"PATH": path},
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._groups.append(started)
        return started
