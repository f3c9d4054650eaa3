"""A model of scikit-learn, XGBoost or LightGBM as ONNX; for the confined process only."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from mrm.measures.artifacts import Refusal

OPSET = 18  # of models of scikit-learn
OPSET_OF_TREES = 15  # the newest that the converter of boosted trees writes
INPUT = "input"
LIBRARIES = {"xgboost": "onnxmltools", "lightgbm": "onnxmltools", "skops": "skl2onnx", "pickle": "skl2onnx"}


def converted(native: Any, kind: str, width: int) -> tuple[bytes, str]:
    """The model as ONNX, one matrix of 32-bit numbers in, scores out, and the converter with its version.

    `width` is the number of features. Raises `Refusal` if the converter does not take the model.
    """
    library = LIBRARIES[kind]
    try:
        version = metadata.version(library)
    except metadata.PackageNotFoundError as error:
        raise Refusal(
            f"Nothing here converts {kind}: {library} is not installed; install the extra convert."
        ) from error
    try:
        made = _convert(native, kind, width)
        content: bytes = made.SerializeToString()
    except Exception as error:  # converters raise errors of any class on what they do not know
        told = " ".join(str(error).split())[:200]
        raise Refusal(f"{library} {version} does not convert this {type(native).__name__}: {told}") from error
    return content, f"{library} {version}"


def _convert(native: Any, kind: str, width: int) -> Any:
    if kind in {"skops", "pickle"}:
        import skl2onnx  # noqa: PLC0415  optional, and slow to load
        from skl2onnx.common.data_types import FloatTensorType  # noqa: PLC0415  the same

        options = {"zipmap": False} if hasattr(native, "predict_proba") else None
        return skl2onnx.to_onnx(
            native, initial_types=[(INPUT, FloatTensorType([None, width]))], options=options, target_opset=OPSET
        )
    import onnxmltools  # noqa: PLC0415  optional, and slow to load
    from onnxmltools.convert.common.data_types import FloatTensorType as Matrix  # noqa: PLC0415  the same

    types = [(INPUT, Matrix([None, width]))]
    if kind == "lightgbm":
        return onnxmltools.convert_lightgbm(native, initial_types=types, target_opset=OPSET_OF_TREES, zipmap=False)
    native.feature_names = None  # columns go to the graph by position
    return onnxmltools.convert_xgboost(native, initial_types=types, target_opset=OPSET_OF_TREES)
