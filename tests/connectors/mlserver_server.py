"""A real MLServer in a virtual environment of its own, with a small runtime for ONNX."""

import os
import subprocess
from pathlib import Path

from tests.connectors.servers import end, free_port, programs, wait_for

MLSERVER = "1.7.1"
REQUIREMENTS = (f"mlserver=={MLSERVER}", "onnxruntime==1.31.1")
RUNTIME = "onnx_runtime_for_tests.OnnxModel"
_CODE = """
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse
from mlserver.utils import get_model_uri
import onnxruntime


class OnnxModel(MLModel):
    async def load(self):
        place = await get_model_uri(self.settings)
        self.session = onnxruntime.InferenceSession(place, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        given = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        names = [output.name for output in self.session.get_outputs()]
        found = self.session.run(names, given)
        outputs = [NumpyCodec.encode_output(name, value) for name, value in zip(names, found)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
"""


class MlServer:
    """The server over a repository folder, on loopback."""

    def __init__(self, root: Path) -> None:
        self.root, self.bin = root, programs(f"mlserver-{MLSERVER}", REQUIREMENTS)
        self.repository = root / "repository"
        self.repository.mkdir()
        (root / "onnx_runtime_for_tests.py").write_text(_CODE)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "MlServer":
        port = self.url.rsplit(":", 1)[1]
        settings = {
            "HOST": "127.0.0.1",
            "HTTP_PORT": port,
            "GRPC_PORT": str(free_port()),
            "METRICS_PORT": str(free_port()),
            "PARALLEL_WORKERS": "0",
            "MODEL_REPOSITORY_ROOT": str(self.repository),
        }
        with (self.root / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self.bin / "mlserver"), "start", str(self.repository)],
                env=os.environ | {f"MLSERVER_{k}": v for k, v in settings.items()} | {"PYTHONPATH": str(self.root)},
                cwd=self.root,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.url + "/v2/health/live", process=self._process)
        return self

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)
