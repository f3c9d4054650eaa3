"""SHAP values, guarded: the method follows the model, and additivity is asserted by us.

Imported where models run, not in the web process. Lundberg and Lee (2017, NeurIPS 30); trees:
Lundberg et al. (2020, Nature Machine Intelligence 2:56); sampling: Strumbelj and Kononenko (2014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

from mrm.measures.explanation.attributions import (
    AdditivityError,
    Explanation,
    Matrix,
    Predict,
    assert_additive,
    digest,
)
from mrm.measures.explanation.capability import capability, final_step, margin, matrix_of
from mrm.measures.explanation.coalitions import FEATURES as ENUMERATED
from mrm.measures.explanation.coalitions import shapley_values
from mrm.measures.intervals import generator

Progress = Callable[[int, int], None]
Made = tuple[Matrix, str, pd.DataFrame, str]  # values, the method, the background used, a note
EXACT_TOLERANCE = 1e-6
SAMPLED_TOLERANCE = 1e-5  # single-precision outputs of ONNX models, summed over the features
PERMUTATIONS = 10
PERMUTATION_BACKGROUND = 100
OUTPUTS_A_ROW = 25_600  # so many outputs over all coalitions of one row are a third of what permutations ask for
BY_OUTPUTS = ("exact Shapley values over all coalitions", "permutation SHAP")  # methods that open no model
TREE_BACKGROUND = 500  # shap's cost grows with rows times background; larger ones are for the accelerated values
UNREADABLE = (TypeError, ValueError, NotImplementedError)


def explain(
    predict_or_model: Any,
    background: pd.DataFrame,
    rows: pd.DataFrame,
    seed: int,
    progress: Progress | None = None,
    predict: Predict | None = None,
    exact: bool = True,
) -> Explanation:
    """Explain `rows` (n, features) against `background` (m, features), same numeric columns.

    Takes a fitted scikit-learn, LightGBM or XGBoost model, or a function from a float matrix to one
    output per row. Linear and tree models are explained exactly on their margin (log-odds, or
    probability for forests); if additivity fails there, or the model is none of these, over all
    coalitions of few features, else by permutation, on `predict`, by default the same margin; so
    alone without `exact`. A method that cannot afford the whole
    background takes a part drawn by `seed` and says so. Each row's values depend on the seed and
    its index label alone, not on the rows explained beside it. `progress(done, total)` is called as
    rows finish; what it raises stops the work. Raises `AdditivityError` if no method holds.
    """
    tell = progress or (lambda done, total: None)
    notes = list[str]()
    function, unit = margin(predict_or_model, list(rows.columns))
    for name, method in _methods(predict_or_model, background) if exact else ():
        try:
            values, how, used, note = method(predict_or_model, background, rows, seed, tell)
            base = float(function(matrix_of(used)).mean())
            found = _explanation(values, base, how, unit, used, rows, seed, " ".join([*notes, note]).strip())
            return assert_additive(found, function(matrix_of(rows)), EXACT_TOLERANCE)
        except AdditivityError as error:
            notes.append(str(error))
        except UNREADABLE as error:
            notes.append(f"The {name} explainer does not take this model ({error}).")
    few = rows.shape[1] <= ENUMERATED
    if notes:
        notes.append(f"Explained {'over all coalitions' if few else 'by permutation'} instead.")
    if predict:
        function, unit = predict, "model output"
    by_outputs = _coalitions if few else _permutation
    return by_outputs(function, unit, background, rows, seed, tell, " ".join(notes))


def _methods(model: Any, background: pd.DataFrame) -> Iterator[tuple[str, Callable[..., Made]]]:
    """The exact methods for a model, the preferred one first."""
    explainer = capability(model)["explainer"]
    if explainer == "linear":
        yield "linear", _linear
    if explainer == "tree":
        methods = (("tree", _tree), ("accelerated tree", _accelerated))
        yield from methods if len(background) <= TREE_BACKGROUND else reversed(methods)


def _linear(model: Any, background: pd.DataFrame, rows: pd.DataFrame, seed: int, tell: Progress) -> Made:
    final, transform = final_step(model)
    coefficients, inner = np.ravel(final.coef_), transform(rows)
    if coefficients.size != inner.shape[1]:
        raise ValueError("more than one output")
    tell(len(rows), len(rows))
    return (inner - transform(background).mean(axis=0)) * coefficients, "exact linear contributions", background, ""


def _accelerated(model: Any, background: pd.DataFrame, rows: pd.DataFrame, seed: int, tell: Progress) -> Made:
    from mrm.measures.explanation.accelerated import tree_values  # noqa: PLC0415  slow to load, and for trees only

    final, transform = final_step(model)
    values, checked = tree_values(final, transform(background), transform(rows))
    tell(len(rows), len(rows))
    return values, "interventional tree SHAP, accelerated", background, checked


def _tree(model: Any, background: pd.DataFrame, rows: pd.DataFrame, seed: int, tell: Progress) -> Made:
    from mrm.measures.explanation.library import tree_explainer  # noqa: PLC0415  slow to load, and for trees only

    final, transform = final_step(model)
    used, inner, parts = _part(background, TREE_BACKGROUND, seed), transform(rows), list[Matrix]()
    explained = tree_explainer(final, transform(used))
    for start in range(0, len(rows), 20):
        parts.append(explained(inner[start : start + 20]))
        tell(min(start + 20, len(rows)), len(rows))
    note = "" if used is background else f"The background was cut to {len(used):,} rows, which shap can afford."
    return np.concatenate(parts), "interventional tree SHAP", used, note


def _coalitions(
    function: Predict, unit: str, background: pd.DataFrame, rows: pd.DataFrame, seed: int, tell: Progress, note: str
) -> Explanation:
    matrix = matrix_of(rows)
    reduced = _part(background, max(PERMUTATION_BACKGROUND, OUTPUTS_A_ROW >> matrix.shape[1]), seed)
    part, values = matrix_of(reduced), []
    for i in range(len(matrix)):
        values.append(shapley_values(function, matrix[i], part))
        tell(i + 1, len(matrix))
    base = float(function(part).mean())
    made = _explanation(np.array(values).reshape(matrix.shape), base, BY_OUTPUTS[0], unit, reduced, rows, seed, note)
    return assert_additive(made, function(matrix), SAMPLED_TOLERANCE)


def _permutation(
    function: Predict,
    unit: str,
    background: pd.DataFrame,
    rows: pd.DataFrame,
    seed: int,
    tell: Progress,
    note: str,
) -> Explanation:
    from mrm.measures.explanation.library import permutation_explainer  # noqa: PLC0415  slow, and for many features only

    reduced, matrix = _part(background, PERMUTATION_BACKGROUND, seed), matrix_of(rows)
    explained = permutation_explainer(function, matrix_of(reduced), PERMUTATIONS)
    values, bases = [], []
    for i, label in enumerate(rows.index):
        own = int(generator(seed, f"permutation/{label}").integers(2**32))
        found, base = explained(matrix[i], own)
        values.append(found)
        bases.append(base)
        tell(i + 1, len(matrix))
    made = _explanation(np.array(values), bases[0], BY_OUTPUTS[1], unit, reduced, rows, seed, note)
    return assert_additive(made, function(matrix), SAMPLED_TOLERANCE)


def _part(background: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """The background, or so many of its rows drawn by the seed, in their order."""
    if len(background) <= most:
        return background
    return background.iloc[np.sort(np.random.default_rng(seed).permutation(len(background))[:most])]


def _explanation(
    values: Matrix, base: float, method: str, unit: str, background: pd.DataFrame, rows: pd.DataFrame, seed: int,
    note: str = "",
) -> Explanation:  # fmt: skip
    names = tuple(str(name) for name in rows.columns)
    return Explanation(
        values=values, base=base, additivity_max=float("nan"), additivity_mean=float("nan"), method=method,
        output=unit, background_digest=digest(matrix_of(background), names), seed=seed,
        n_background=len(background), n_rows=len(rows), feature_names=names, data=matrix_of(rows),
        notes=note, version=f"shap {version('shap')}",
    )  # fmt: skip
