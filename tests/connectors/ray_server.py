"""A real Ray head with Serve in a virtual environment of its own, with a small program that serves ONNX."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.connectors.servers import end, free_port, programs, wait_for

RAY = "2.60.0"
REQUIREMENTS = (f"ray[serve]=={RAY}", "onnxruntime==1.31.1")
PROGRAM = "onnx_program_for_tests:app"
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}
_CODE = """
import hashlib
from pathlib import Path

import numpy
import onnxruntime
from ray import serve


@serve.deployment(
    name="Model",
    ray_actor_options={"num_cpus": 0.01},
    autoscaling_config={"min_replicas": 0, "initial_replicas": 0, "max_replicas": 1},
)
class Model:
    def reconfigure(self, config):
        self.told = config["mrm"]
        content = (Path(self.told["folder"]) / self.told["files"][0]).read_bytes()
        self.digest = hashlib.sha256(content).hexdigest()
        self.session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    async def __call__(self, request):
        body = await request.json()
        given = {t["name"]: numpy.array(t["data"], dtype=numpy.float32).reshape(t["shape"]) for t in body["inputs"]}
        names = [output.name for output in self.session.get_outputs()]
        found = zip(names, self.session.run(names, given))
        outputs = [{"name": n, "datatype": "FP32", "shape": v.shape, "data": v.ravel().tolist()} for n, v in found]
        version, endpoint = self.told["version"], self.told["endpoint"]
        parameters = {"digest": self.digest}
        return {"model_name": endpoint, "model_version": version, "outputs": outputs, "parameters": parameters}


app = Model.bind()
"""


class RayServer:
    """One head node on loopback; short folders, for its sockets' names are limited in length."""

    def __init__(self) -> None:
        self.bin = programs(f"ray-{RAY}", REQUIREMENTS)
        self.root = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        self.folder = self.root / "models"
        self.folder.mkdir()
        (self.root / "onnx_program_for_tests.py").write_text(_CODE)
        self.url, self.serve_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "RayServer":
        options = {
            "port": free_port(),
            "dashboard-host": "127.0.0.1",
            "dashboard-port": self.url.rsplit(":", 1)[1],
            "dashboard-agent-listen-port": free_port(),
            "node-ip-address": "127.0.0.1",
            "num-cpus": 4,
            "object-store-memory": 100_000_000,
            "temp-dir": self.root / "t",
            "ray-client-server-port": free_port(),
        }
        with (self.root / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.bin / "ray"), "start", "--head", "--block", *(f"--{k}={v}" for k, v in options.items())],
                env=os.environ | _QUIET | {"PYTHONPATH": str(self.root), "PATH": f"{self.bin}:{os.environ['PATH']}"},
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.url + "/api/version", process=self._process)
        port = int(self.serve_url.rsplit(":", 1)[1])
        self.put({"http_options": {"host": "127.0.0.1", "port": port}, "applications": []})
        return self

    def put(self, config: dict[str, object]) -> None:
        answer = httpx.put(f"{self.url}/api/serve/applications/", json=config, timeout=60, trust_env=False)
        assert answer.is_success, answer.text

    def get(self) -> dict[str, dict[str, object]]:
        answer = httpx.get(f"{self.url}/api/serve/applications/", timeout=60, trust_env=False)
        found: dict[str, dict[str, object]] = answer.json()["applications"]
        return found

    def told(self) -> list[Any]:
        """What each application was told to be; one on its way out has nothing to tell."""
        known = (item["deployed_app_config"] for item in self.get().values())
        return [config for config in known if config]

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
        shutil.rmtree(self.root, ignore_errors=True)
