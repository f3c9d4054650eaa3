"""Which explainer fits which model, and the output that its values must sum to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mrm.measures.explanation.attributions import Matrix, Predict

CAPABILITIES: tuple[dict[str, str], ...] = (
    {"model": "linear and logistic regression", "modules": "sklearn.linear_model", "explainer": "linear",
     "exact": "yes", "why": "Coefficient times distance from the background mean is the exact value."},
    {"model": "trees and forests", "modules": "sklearn.tree, sklearn.ensemble", "explainer": "tree",
     "exact": "yes", "why": "Interventional tree SHAP; categorical splits are not supported and are caught."},
    {"model": "LightGBM", "modules": "lightgbm", "explainer": "tree", "exact": "yes",
     "why": "Interventional tree SHAP on the raw margin."},
    {"model": "XGBoost", "modules": "xgboost", "explainer": "tree", "exact": "yes",
     "why": "Interventional tree SHAP on the raw margin."},
    {"model": "anything else, such as ONNX", "modules": "*", "explainer": "coalitions or permutation",
     "exact": "up to 8 features",
     "why": "Needs predictions only; over all coalitions of few features, else sampled, and sums exactly either way."},
)  # fmt: skip

_ELEMENTWISE = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "SimpleImputer")


def capability(model: Any) -> dict[str, str]:
    """The row of `CAPABILITIES` that applies to a model or prediction function."""
    final, _ = final_step(model)
    module = type(final).__module__
    for row in CAPABILITIES[:-1]:
        if any(module == each or module.startswith(each + ".") for each in row["modules"].split(", ")):
            linear = row["explainer"] == "linear" and hasattr(final, "coef_")
            if linear or (row["explainer"] == "tree" and _is_tree(final)):
                return row
    return CAPABILITIES[-1]


def final_step(model: Any) -> tuple[Any, Callable[[pd.DataFrame], Matrix]]:
    """The last step of a pipeline whose other steps keep one column per feature, or the model."""
    if _library(model) == "xgboost":
        return model, _single_precision
    if type(model).__name__ != "Pipeline":
        return model, matrix_of
    steps = [step for _, step in model.steps[:-1]]
    if not all(type(step).__name__ in _ELEMENTWISE for step in steps):
        return model, matrix_of

    def transform(frame: pd.DataFrame) -> Matrix:
        out: Any = frame if hasattr(model, "feature_names_in_") else matrix_of(frame)
        return np.asarray(model[:-1].transform(out) if steps else matrix_of(frame), dtype=np.float64)

    return model.steps[-1][1], transform


def _is_tree(model: Any) -> bool:
    if _library(model) in ("lightgbm", "xgboost"):
        return True
    return any(word in type(model).__name__ for word in ("Tree", "Forest", "GradientBoosting"))


def margin(model: Any, names: list[str]) -> tuple[Predict, str]:
    """The output that contributions must sum to, and its unit."""
    method, unit, options = _method(model)

    def function(matrix: Matrix) -> Matrix:
        rows: Any = pd.DataFrame(matrix, columns=names) if hasattr(model, "feature_names_in_") else matrix
        out = np.asarray(method(rows, **options), dtype=np.float64)
        return out[:, -1] if out.ndim == 2 else out

    return function, unit


def _method(model: Any) -> tuple[Callable[..., Any], str, dict[str, Any]]:
    final, _ = final_step(model)
    library = _library(final)
    if library == "lightgbm":
        return model.predict, _boosted_unit(final), {"raw_score": True}
    if library == "xgboost" and type(final).__name__ == "Booster":
        return model.inplace_predict, _boosted_unit(final), {"predict_type": "margin"}
    if library == "xgboost":
        return model.predict, _boosted_unit(final.get_booster()), {"output_margin": True}
    if hasattr(model, "decision_function"):
        return model.decision_function, "log-odds", {}
    if hasattr(model, "predict_proba"):
        return model.predict_proba, "probability", {}
    if hasattr(model, "predict"):
        return model.predict, "model output", {}
    return model, "probability", {}


def _boosted_unit(model: Any) -> str:
    """Log-odds for a binary objective; the margin of any other is in the unit of the output."""
    if _library(model) == "xgboost":
        objective = json.loads(model.save_config())["learner"]["objective"]["name"]
    else:
        objective = getattr(model, "booster_", model).dump_model(num_iteration=1)["objective"]
    return "log-odds" if objective.startswith(("binary:logi", "binary sigmoid", "cross_entropy")) else "model output"


def _library(model: Any) -> str:
    return type(model).__module__.split(".")[0]


def _single_precision(frame: pd.DataFrame) -> Matrix:
    """The numbers as XGBoost sees them, so that no other program puts them on another side of a threshold."""
    return matrix_of(frame).astype(np.float32).astype(np.float64)


def matrix_of(frame: pd.DataFrame) -> Matrix:
    return np.ascontiguousarray(frame.to_numpy(dtype=np.float64))
