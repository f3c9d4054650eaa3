"""SHAP values, guarded: the method follows the model, and additivity is asserted by us.

Imported where models run, not in the web process. Lundberg and Lee (2017, NeurIPS 30); trees:
Lundberg et al. (2020, Nature Machine Intelligence 2:56); sampling: Strumbelj and Kononenko (2014).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from mrm.measures.attributions import AdditivityError, Explanation, Matrix, assert_additive, digest

with warnings.catch_warnings():  # its plots use deprecated calls of matplotlib on import
    warnings.simplefilter("ignore")
    import shap

Progress = Callable[[int, int], None]
Predict = Callable[[Matrix], Matrix]

EXACT_TOLERANCE = 1e-6
PERMUTATION_TOLERANCE = 1e-5  # single-precision outputs of ONNX models, summed over the features
PERMUTATIONS = 10
PERMUTATION_BACKGROUND = 100

CAPABILITIES: tuple[dict[str, str], ...] = (
    {"model": "linear and logistic regression", "modules": "sklearn.linear_model", "explainer": "linear",
     "exact": "yes", "why": "Coefficient times distance from the background mean is the exact value."},
    {"model": "trees and forests", "modules": "sklearn.tree, sklearn.ensemble", "explainer": "tree",
     "exact": "yes", "why": "Interventional tree SHAP; categorical splits are not supported and are caught."},
    {"model": "LightGBM", "modules": "lightgbm", "explainer": "tree", "exact": "yes",
     "why": "Interventional tree SHAP on the raw margin."},
    {"model": "XGBoost", "modules": "xgboost", "explainer": "tree", "exact": "yes",
     "why": "Interventional tree SHAP on the raw margin."},
    {"model": "anything else, such as ONNX", "modules": "*", "explainer": "permutation", "exact": "sampled",
     "why": "Needs predictions only; sums exactly, the split between features is sampled."},
)  # fmt: skip

_ELEMENTWISE = ("StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "SimpleImputer")


def capability(model: Any) -> dict[str, str]:
    """The row of `CAPABILITIES` that applies to a model or prediction function."""
    final, _ = _final_step(model)
    module = type(final).__module__
    for row in CAPABILITIES[:-1]:
        if any(module == each or module.startswith(each + ".") for each in row["modules"].split(", ")):
            linear = row["explainer"] == "linear" and hasattr(final, "coef_")
            if linear or (row["explainer"] == "tree" and _is_tree(final)):
                return row
    return CAPABILITIES[-1]


def explain(
    predict_or_model: Any,
    background: pd.DataFrame,
    rows: pd.DataFrame,
    seed: int,
    progress: Progress | None = None,
    predict: Predict | None = None,
) -> Explanation:
    """Explain `rows` (n, features) against `background` (m, features), same numeric columns.

    Takes a fitted scikit-learn, LightGBM or XGBoost model, or a function from a float matrix to one
    output per row. Linear and tree models are explained exactly on their margin (log-odds, or
    probability for forests); if additivity fails there, or the model is none of these, by
    permutation on `predict`, by default the same margin. `progress(done, total)` is called as rows
    finish; what it raises stops the work. Raises `AdditivityError` if no method holds.
    """
    tell = progress or (lambda done, total: None)
    row, note = capability(predict_or_model), ""
    if row["explainer"] != "permutation":
        try:
            return _exact(row["explainer"], predict_or_model, background, rows, seed, tell)
        except AdditivityError as error:
            note = f"{error} Explained by permutation instead."
        except (TypeError, ValueError, NotImplementedError, shap.utils._exceptions.ExplainerError) as error:
            note = f"The {row['explainer']} explainer does not take this model ({error}). Explained by permutation instead."
    function, unit = (predict, "model output") if predict else _margin(predict_or_model, list(rows.columns))
    return _permutation(function, unit, background, rows, seed, tell, note)


def _exact(
    explainer: str, model: Any, background: pd.DataFrame, rows: pd.DataFrame, seed: int, tell: Progress
) -> Explanation:
    final, transform = _final_step(model)
    function, unit = _margin(model, list(rows.columns))
    outputs = function(_matrix(rows))
    inner, inner_background = transform(rows), transform(background)
    made = _linear if explainer == "linear" else _tree
    values, base, method = made(final, inner_background, inner, tell)
    found = _explanation(values, base, method, unit, background, rows, seed)
    return assert_additive(found, outputs, EXACT_TOLERANCE)


def _linear(model: Any, background: Matrix, rows: Matrix, tell: Progress) -> tuple[Matrix, float, str]:
    coefficients = np.ravel(model.coef_)
    if coefficients.size != rows.shape[1]:
        raise ValueError("more than one output")
    mean = background.mean(axis=0)
    base = float(mean @ coefficients + np.ravel(model.intercept_)[0])
    tell(len(rows), len(rows))
    return (rows - mean) * coefficients, base, "exact linear contributions"


def _tree(model: Any, background: Matrix, rows: Matrix, tell: Progress) -> tuple[Matrix, float, str]:
    explainer = shap.TreeExplainer(model, data=background, feature_perturbation="interventional")
    parts = []
    for start in range(0, len(rows), 20):
        part = np.asarray(explainer.shap_values(rows[start : start + 20], check_additivity=False), dtype=np.float64)
        parts.append(part[..., 1] if part.ndim == 3 else part)
        tell(min(start + 20, len(rows)), len(rows))
    base = float(np.ravel(explainer.expected_value)[-1])
    return np.concatenate(parts), base, "interventional tree SHAP"


def _permutation(
    function: Predict,
    unit: str,
    background: pd.DataFrame,
    rows: pd.DataFrame,
    seed: int,
    tell: Progress,
    note: str,
) -> Explanation:
    chosen = np.random.default_rng(seed).permutation(len(background))[:PERMUTATION_BACKGROUND]
    reduced, matrix = background.iloc[np.sort(chosen)], _matrix(rows)
    masker = shap.maskers.Independent(_matrix(reduced), max_samples=len(reduced))
    explainer = shap.PermutationExplainer(function, masker, seed=seed)
    values, bases = [], []
    for i in range(len(matrix)):
        budget = PERMUTATIONS * (2 * matrix.shape[1] + 1)
        found = explainer(matrix[i : i + 1], max_evals=budget, silent=True)
        values.append(np.ravel(found.values))
        bases.append(float(np.ravel(found.base_values)[0]))
        tell(i + 1, len(matrix))
    base = float(np.mean(bases))
    made = _explanation(np.array(values), base, "permutation SHAP", unit, reduced, rows, seed, note)
    return assert_additive(made, function(matrix), PERMUTATION_TOLERANCE)


def _explanation(
    values: Matrix, base: float, method: str, unit: str, background: pd.DataFrame, rows: pd.DataFrame, seed: int,
    note: str = "",
) -> Explanation:  # fmt: skip
    names = tuple(str(name) for name in rows.columns)
    return Explanation(
        values=values, base=base, additivity_max=float("nan"), additivity_mean=float("nan"), method=method,
        output=unit, background_digest=digest(_matrix(background), names), seed=seed,
        n_background=len(background), n_rows=len(rows), feature_names=names, data=_matrix(rows),
        notes=note, version=f"shap {shap.__version__}",
    )  # fmt: skip


def _final_step(model: Any) -> tuple[Any, Callable[[pd.DataFrame], Matrix]]:
    """The last step of a pipeline whose other steps keep one column per feature, or the model."""
    if type(model).__name__ != "Pipeline":
        return model, _matrix
    steps = [step for _, step in model.steps[:-1]]
    if not all(type(step).__name__ in _ELEMENTWISE for step in steps):
        return model, _matrix

    def transform(frame: pd.DataFrame) -> Matrix:
        out: Any = frame if hasattr(model, "feature_names_in_") else _matrix(frame)
        return np.asarray(model[:-1].transform(out) if steps else _matrix(frame), dtype=np.float64)

    return model.steps[-1][1], transform


def _is_tree(model: Any) -> bool:
    if type(model).__module__.split(".")[0] in ("lightgbm", "xgboost"):
        return True
    return any(word in type(model).__name__ for word in ("Tree", "Forest", "GradientBoosting"))


def _margin(model: Any, names: list[str]) -> tuple[Predict, str]:
    """The output that contributions must sum to, and its unit."""
    method, unit, options = _margin_method(model)

    def function(matrix: Matrix) -> Matrix:
        rows: Any = pd.DataFrame(matrix, columns=names) if hasattr(model, "feature_names_in_") else matrix
        out = np.asarray(method(rows, **options), dtype=np.float64)
        return out[:, -1] if out.ndim == 2 else out

    return function, unit


def _margin_method(model: Any) -> tuple[Callable[..., Any], str, dict[str, bool]]:
    final, _ = _final_step(model)
    library = type(final).__module__.split(".")[0]
    if library == "lightgbm":
        return model.predict, "log-odds", {"raw_score": True}
    if library == "xgboost":
        return model.predict, "log-odds", {"output_margin": True}
    if hasattr(model, "decision_function"):
        return model.decision_function, "log-odds", {}
    if hasattr(model, "predict_proba"):
        return model.predict_proba, "probability", {}
    if hasattr(model, "predict"):
        return model.predict, "model output", {}
    return model, "probability", {}


def _matrix(frame: pd.DataFrame) -> Matrix:
    return np.ascontiguousarray(frame.to_numpy(dtype=np.float64))
