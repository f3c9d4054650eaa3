"""Small ONNX models, trained and exported on the spot."""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

FEATURES = ("income", "age", "debt", "tenure")
ROWS = [[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 1.5, -1.5]]


@dataclass(frozen=True)
class Trained:
    """A fitted classifier and its ONNX bytes."""

    model: Any
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def probabilities(self, rows: list[list[float]]) -> list[list[float]]:
        return self.model.predict_proba(np.array(rows, dtype=np.float32)).tolist()


@cache
def matrix(seed: int) -> Trained:
    """One float input X of four features; label and probabilities out."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(200, 4)).astype(np.float32)
    y = (x @ random.normal(size=4) + random.normal(size=200) > 0).astype(int)
    model = LogisticRegression().fit(x, y)
    content = to_onnx(
        model,
        initial_types=[("X", FloatTensorType([None, 4]))],
        options={"zipmap": False},
        target_opset=17,
    ).SerializeToString()
    return Trained(model, content)


@cache
def columns() -> Trained:
    """One input per column, one of them text."""
    frame = pd.DataFrame({"income": [1.0, 2.0, 3.0, 4.0], "region": ["n", "s", "n", "s"]})
    encode = ColumnTransformer([("region", OneHotEncoder(), ["region"])], remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression()).fit(frame, [0, 1, 0, 1])
    content = to_onnx(
        model,
        initial_types=[
            ("income", FloatTensorType([None, 1])),
            ("region", StringTensorType([None, 1])),
        ],
        options={"zipmap": False},
        target_opset=17,
    ).SerializeToString()
    return Trained(model, content)


@cache
def zipmapped() -> bytes:
    """The exporter's default: probabilities as a sequence of maps."""
    x = np.array([[0.0], [1.0]], dtype=np.float32)
    model = LogisticRegression().fit(x, [0, 1])
    return to_onnx(model, x, target_opset=17).SerializeToString()


def request(rows: list[list[float]] = ROWS, **more: Any) -> dict[str, Any]:
    """An inference request with one matrix."""
    tensor = {"name": "X", "datatype": "FP32", "shape": [len(rows), len(rows[0])], "data": rows}
    return {"inputs": [tensor], **more}
