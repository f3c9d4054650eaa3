"""What stands beside the artifact so that MLflow can load it. Follows from the version alone."""

from collections.abc import Sequence

import yaml

from ..errors import Invalid
from ..values import Artifact

MODEL_FILE = "model.onnx"


def packaging(digest: str, features: Sequence[str]) -> dict[str, bytes]:
    """The files MLflow adds meaning by, always the same bytes for the same version."""
    # mlflow.onnx reads MLmodel from the folder of the model file, so both lie side by side
    described = {
        "flavors": {
            "onnx": {"data": MODEL_FILE, "code": None, "providers": ["CPUExecutionProvider"]},
            "python_function": {
                "loader_module": "mlflow.onnx",
                "data": MODEL_FILE,
                "env": {"virtualenv": "python_env.yaml"},
            },
        },
        "metadata": {"mrm.digest": digest, "mrm.features": list(features)},
    }
    environment = {"dependencies": ["-r requirements.txt"]}
    return {
        "MLmodel": yaml.safe_dump(described, sort_keys=True, allow_unicode=True).encode(),
        "python_env.yaml": yaml.safe_dump(environment).encode(),
        "requirements.txt": b"mlflow\nonnx\nonnxruntime\n",
    }


def require_packable(artifact: Artifact) -> None:
    if artifact.format != "onnx" or len(artifact.files) != 1:
        raise Invalid("The MLflow connector takes ONNX models of a single file; convert this one first.")
