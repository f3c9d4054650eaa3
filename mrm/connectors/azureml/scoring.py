"""What scores a batch on a cluster of Azure ML: the approved bytes, or an error, and nothing else.

Azure's driver loads this file, calls `init` once in each process and then `run` with paths of files. It is sent there as
it stands and runs where nothing of ours is: Python 3.9 or later, numpy and onnxruntime.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

_CHUNK = 10_000  # rows given to the model at once
_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(bool)": "bool",
}
_loaded: dict[str, Any] = {}


def init() -> None:
    """Load the model, once its bytes are those of the digest that the deployment names, and this file is the one it names."""
    script = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    content = _only_file(Path(os.environ["AZUREML_MODEL_DIR"])).read_bytes()
    model = hashlib.sha256(content).hexdigest()
    for found, named in ((script, "MRM_SCRIPT"), (model, "MRM_DIGEST")):
        if found != os.environ[named]:
            raise RuntimeError(f"The digest {found} is not {os.environ[named]}, as {named} says; nothing is scored.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    _loaded.update(session=session, told={"script": script, "model": model, "runtime": onnxruntime.__version__})


def run(mini_batch: list[str]) -> list[str]:
    """Score each file: a line of JSON about what scored what, and then place and score of each row, in order."""
    target = Path(os.environ["AZUREML_BI_OUTPUT_PATH"])
    target.mkdir(parents=True, exist_ok=True)
    for path in map(Path, mini_batch):
        content = path.read_bytes()
        body = _scored(content)
        told = _loaded["told"] | {"rows": hashlib.sha256(content).hexdigest()}
        told |= {"scores": hashlib.sha256(body).hexdigest()}
        (target / f"{path.name}.scores").write_bytes(json.dumps(told).encode() + b"\n" + body)
    return [Path(path).name for path in mini_batch]


def _only_file(folder: Path) -> Path:
    files = [each for each in folder.rglob("*") if each.is_file()]
    if len(files) != 1:
        raise RuntimeError(f"The model's folder holds {len(files)} files; an approved ONNX model is one.")
    return files[0]


def _scored(content: bytes) -> bytes:
    lines = content.decode().splitlines()
    written = []
    for first in range(0, len(lines), _CHUNK):
        cells = [line.split(",") for line in lines[first : first + _CHUNK]]
        values = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in cells])
        for row, score in enumerate(_scores(values)):
            if not np.isfinite(score):
                raise ValueError(f"Row {cells[row][0]} has {score} for a score; the model does not score it.")
            written.append(f"{cells[row][0]},{float(score)!r}\n")
    return "".join(written).encode()


def _scores(values: Any) -> Any:
    """One score a row: of the last output the last of two columns, else its only one."""
    session = _loaded["session"]
    output = session.run([session.get_outputs()[-1].name], _fed(session.get_inputs(), values))[0]
    if isinstance(output, list):
        output = [list(row.values()) for row in output]
    scores = np.asarray(output, dtype="float64")
    if scores.ndim == 2 and scores.shape[1] in (1, 2):
        scores = scores[:, -1]
    if scores.shape != (len(values),):
        raise ValueError(
            f"The model answered {len(values)} rows with the shape {scores.shape}; a score a row is needed."
        )
    return scores


def _fed(inputs: Any, values: Any) -> dict[str, Any]:
    """One matrix, or a column for each input of the same name."""
    features = json.loads(os.environ["MRM_FEATURES"])
    if len(inputs) == 1 and (values.shape[1] != 1 or inputs[0].name not in features):
        return {inputs[0].name: _typed(inputs[0], values)}
    absent = [each.name for each in inputs if each.name not in features]
    if absent or len(features) != values.shape[1]:
        raise ValueError(f"The model takes columns by name, and these are not among the features: {', '.join(absent)}.")
    return {each.name: _typed(each, values[:, [features.index(each.name)]]) for each in inputs}


def _typed(node: Any, values: Any) -> Any:
    kind = _TYPES.get(node.type)
    if kind is None:
        raise ValueError(f"The model's input {node.name} is of type {node.type}, and rows hold numbers.")
    if not kind.startswith("float") and np.isnan(values).any():
        raise ValueError(f"The model's input {node.name} takes whole numbers, and a value is missing.")
    return np.ascontiguousarray(values.astype(kind))
