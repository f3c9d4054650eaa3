"""Opening model artifacts, for the confined process only, each checked before it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pandas as pd
from numpy.typing import NDArray

from mrm.measures import onnx_graph

Scorer = Callable[[pd.DataFrame], NDArray[np.float64]]

SKOPS_TRUSTED = frozenset({
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
})  # fmt: skip


class Refusal(Exception):
    """The artifact will not be opened or does not fit the data; a sentence for a person."""


def open_onnx(content: bytes, features: Sequence[str]) -> tuple[Scorer, None]:
    """A scoring function for a self-contained ONNX model of the standard operator sets.

    Raises `Refusal` on models that fail the checker, keep data outside the file, use operators of
    other domains, or whose inputs do not match `features`.
    """
    import onnxruntime  # noqa: PLC0415  slow to load and of use to one kind only

    _check_onnx(content)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed = _feeder(session.get_inputs(), features)
    output = session.get_outputs()[-1].name
    return lambda frame: _event_column(session.run([output], feed(frame))[0]), None


def open_skops(content: bytes, features: Sequence[str]) -> tuple[Scorer, Any]:
    """A scoring function and the estimator of a skops file of standard scikit-learn types.

    Raises `Refusal` on any other type, named, and if the model was fitted on other columns.
    """
    return predicting(skops_model(content), features)


def skops_model(content: bytes) -> Any:
    """The estimator of a skops file. Raises `Refusal` on types that are not trusted, before one of them is made."""
    import skops.io  # noqa: PLC0415  slow to load and of use to one kind only

    unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - SKOPS_TRUSTED)
    if unknown:
        raise Refusal(f"The file contains types that are not trusted: {', '.join(unknown)}.")
    return skops.io.loads(content, trusted=sorted(SKOPS_TRUSTED))


def predicting(model: Any, features: Sequence[str]) -> tuple[Scorer, Any]:
    """A scoring function of an estimator, and the estimator.

    Raises `Refusal` if it gives no predictions or was fitted on other columns.
    """
    fitted = getattr(model, "feature_names_in_", None)
    _same_columns(fitted, features)
    predict = getattr(model, "predict_proba", None) or getattr(model, "predict", None)
    if predict is None:
        raise Refusal(f"A {type(model).__name__} gives no predictions.")
    return lambda frame: _event_column(predict(frame if fitted is not None else frame.to_numpy(np.float64))), model


def open_xgboost(content: bytes, features: Sequence[str]) -> tuple[Scorer, Any]:
    """A scoring function and the booster of a native XGBoost file, JSON or UBJSON.

    Raises `Refusal` as `xgboost_booster`, and if the booster was trained on other columns.
    """
    import xgboost  # noqa: PLC0415  slow to load and of use to one kind only

    booster = xgboost_booster(content)
    _same_columns(booster.feature_names, features)
    names = list(features) if booster.feature_names else None

    def scorer(frame: pd.DataFrame) -> NDArray[np.float64]:
        return _event_column(booster.predict(xgboost.DMatrix(frame.to_numpy(np.float32), feature_names=names)))

    return scorer, booster


def xgboost_booster(content: bytes) -> Any:
    """The booster of a native XGBoost file.

    Raises `Refusal` on the deprecated binary format, which has no declared structure, and on anything else.
    """
    import xgboost  # noqa: PLC0415  slow to load and of use to one kind only

    if content[:1] != b"{":
        raise Refusal(
            "The file is neither the JSON nor the UBJSON format of XGBoost; save the booster as .json or .ubj."
        )
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError as error:
        raise Refusal("XGBoost cannot read the file as one of its models.") from error
    return booster


def open_lightgbm(content: bytes, features: Sequence[str]) -> tuple[Scorer, Any]:
    """A scoring function and the booster of a LightGBM text file.

    Raises `Refusal` on anything else, and if the booster was trained on other columns.
    """
    booster = lightgbm_booster(content)
    named = booster.feature_name()
    invented = [f"Column_{i}" for i in range(len(named))]
    _same_columns(None if named == invented else named, features)
    if booster.num_feature() != len(features):
        raise Refusal(f"The booster takes {booster.num_feature()} columns; {len(features)} features are named.")
    return lambda frame: _event_column(booster.predict(frame.to_numpy(np.float64), num_threads=1)), booster


def lightgbm_booster(content: bytes) -> Any:
    """The booster of a LightGBM text file. Raises `Refusal` on anything else."""
    import lightgbm  # noqa: PLC0415  slow to load and of use to one kind only

    try:
        return lightgbm.Booster(model_str=content.decode())
    except (UnicodeDecodeError, lightgbm.basic.LightGBMError) as error:
        raise Refusal("LightGBM cannot read the file as one of its models.") from error


def _open_pickle(content: bytes, features: Sequence[str]) -> tuple[Scorer, Any]:
    from mrm.measures.pickles import open_pickle  # noqa: PLC0415  of use to one kind only

    return open_pickle(content, features)


OPENERS: dict[str, Callable[[bytes, Sequence[str]], tuple[Scorer, Any]]] = {
    "onnx": open_onnx,
    "skops": open_skops,
    "xgboost": open_xgboost,
    "lightgbm": open_lightgbm,
    "pickle": _open_pickle,
}


def _check_onnx(content: bytes) -> None:
    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:
        raise Refusal("The file is not an ONNX model.") from error
    for fault in onnx_graph.faults(model):
        raise Refusal(fault)


def _feeder(inputs: Sequence[Any], features: Sequence[str]) -> Callable[[pd.DataFrame], dict[str, Any]]:
    """How to feed a frame: one matrix, or one column per input of the same name."""
    if len(inputs) == 1 and (len(features) != 1 or inputs[0].name not in features):
        width = inputs[0].shape[-1] if len(inputs[0].shape) == 2 else None
        if isinstance(width, int) and width != len(features):
            raise Refusal(f"The model takes {width} columns; {len(features)} features are named.")
        kind, name = _dtype(inputs[0]), inputs[0].name
        return lambda frame: {name: np.ascontiguousarray(frame.to_numpy(dtype=kind))}
    _need([each.name for each in inputs], features)
    columns = [(each.name, _dtype(each)) for each in inputs]
    return lambda frame: {name: frame[name].to_numpy(dtype=kind).reshape(-1, 1) for name, kind in columns}


def _dtype(node: Any) -> Any:
    known = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64,
             "tensor(int32)": np.int32, "tensor(string)": object, "tensor(bool)": np.bool_}  # fmt: skip
    if node.type not in known:
        raise Refusal(f"The input {node.name} is of type {node.type}, which cannot be fed from a table.")
    return known[node.type]


def _need(wanted: Sequence[str], features: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in features]
    if missing:
        raise Refusal(f"The model needs columns that are not among the features: {', '.join(missing)}.")


def _same_columns(fitted: Sequence[str] | None, features: Sequence[str]) -> None:
    """Columns go to the model by position, so their order must be the one it was fitted on."""
    if fitted is not None and list(fitted) != list(features):
        _need(fitted, features)
        raise Refusal(f"The model was fitted on its columns in this order: {', '.join(fitted)}.")


def _event_column(output: Any) -> NDArray[np.float64]:
    """One score per row: the last class's probability, or the only column."""
    if isinstance(output, list):
        output = np.array([list(row.values()) for row in output])
    scores = np.asarray(output, dtype=np.float64)
    if scores.ndim == 2 and scores.shape[1] in (1, 2):
        scores = scores[:, -1]
    if scores.ndim != 1:
        raise Refusal(f"The model gives an output of shape {scores.shape}; one score per row is needed.")
    return scores
