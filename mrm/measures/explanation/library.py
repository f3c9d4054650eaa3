"""The explainers of shap as functions of matrices. Loading it takes seconds, so it is loaded where a method asks for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from mrm.measures.explanation.attributions import Matrix, Predict

with warnings.catch_warnings():  # its plots use deprecated calls of matplotlib on import
    warnings.simplefilter("ignore")
    import shap


def tree_explainer(model: Any, background: Matrix) -> Callable[[Matrix], Matrix]:
    """Interventional tree SHAP against a whole background (m, features): rows (n, features) to values (n, features).

    Both raise TypeError, ValueError or NotImplementedError on a model that shap cannot read.
    """
    whole = shap.maskers.Independent(background, max_samples=len(background))  # a matrix would be cut to 100 rows
    explainer = _read(lambda: shap.TreeExplainer(model, data=whole, feature_perturbation="interventional"))

    def explained(rows: Matrix) -> Matrix:
        values = np.asarray(_read(lambda: explainer.shap_values(rows, check_additivity=False)), dtype=np.float64)
        return values[..., 1] if values.ndim == 3 else values

    return explained


def permutation_explainer(
    function: Predict, background: Matrix, permutations: int
) -> Callable[[Matrix, int], tuple[Matrix, float]]:
    """Permutation SHAP of any function: a row (features,) and a seed to its values (features,) and the base value."""
    masker = shap.maskers.Independent(background, max_samples=len(background))
    budget = permutations * (2 * background.shape[1] + 1)

    def explained(row: Matrix, seed: int) -> tuple[Matrix, float]:
        explainer = shap.PermutationExplainer(function, masker, seed=seed)
        found = explainer(row[np.newaxis], max_evals=budget, silent=True)
        return np.ravel(found.values), float(np.ravel(found.base_values)[0])

    return explained


def _read(made: Callable[[], Any]) -> Any:
    try:
        return made()
    except shap.utils._exceptions.ExplainerError as error:
        raise ValueError(str(error)) from error
