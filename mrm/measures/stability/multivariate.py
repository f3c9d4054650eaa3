"""Shifts that no single column shows: can a model tell the batches apart, do columns still move together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import erfc

import numpy as np
from numpy.typing import ArrayLike
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from mrm.measures.checks import Scores, column, matrix, same_length
from mrm.measures.discrimination import auc
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import generator, normal_quantile

ROWS = 20_000
FOLDS = 5
EXPLAINED = 0.65
FEW = 50


@dataclass(frozen=True, slots=True)
class Components:
    """A reference's principal components: means, scales (columns,), axes (components, columns), and its own error.

    `error` and `spread` are mean and standard deviation of the reconstruction error of reference
    rows that the components were not made from.
    """

    names: tuple[str, ...]
    mean: Scores
    scale: Scores
    axes: Scores
    error: float
    spread: float
    n: int


def domain_classifier(
    reference: Mapping[str, ArrayLike], current: Mapping[str, ArrayLike], seed: int = 0, rows: int = ROWS
) -> Estimate:
    """AUC with which boosted trees tell current from reference rows; 0.5 if they are one population.

    Out-of-fold scores of five folds, at most `rows` of each batch drawn by the seed; missing values
    are information. DeLong interval, which takes the scores as given. Raises ValueError on
    different columns or fewer than 50 rows of a batch.
    """
    names, before, now = _both(reference, current)
    rng = generator(seed, "domain classifier")
    before, now = (each[rng.permutation(len(each))[:rows]] for each in (before, now))
    x, y = np.vstack([before, now]), np.repeat([0, 1], [len(before), len(now)])
    model = HistGradientBoostingClassifier(max_iter=50, max_leaf_nodes=15, early_stopping=False, random_state=seed)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    scores = cross_val_predict(model, x, y, cv=folds, method="predict_proba")[:, 1]
    found = auc(y, scores)
    method = f"out-of-fold AUC of boosted trees on {len(names)} columns, {FOLDS} folds; DeLong interval"
    return Estimate(found.value, found.lower, found.upper, method, len(now), found.reason, {"reference_n": len(before)})


def fit_components(reference: Mapping[str, ArrayLike], seed: int = 0, explained: float = EXPLAINED) -> Components:
    """Principal components of half the reference that explain at least `explained` of its variance, tested on the other half.

    Raises ValueError with fewer than two columns or 50 rows, and on constant columns.
    """
    names, values = matrix(reference)
    if len(names) < 2 or len(values) < 2 * FEW:
        raise ValueError(f"Components need two columns and {2 * FEW} rows; there are {len(names)} and {len(values):,}.")
    order = generator(seed, "components").permutation(len(values))
    fitted, held = values[order[: len(values) // 2]], values[order[len(values) // 2 :]]
    mean, scale = fitted.mean(axis=0), fitted.std(axis=0)
    if (scale == 0).any():
        raise ValueError(f"Column {names[int(np.argmin(scale))]} is constant in the reference; leave it out.")
    _, strength, axes = np.linalg.svd((fitted - mean) / scale, full_matrices=False)
    share = (strength**2).cumsum() / (strength**2).sum()
    count = min(int(np.searchsorted(share, explained)) + 1, len(names) - 1)
    errors = _errors(held, mean, scale, axes[:count])
    return Components(names, mean, scale, axes[:count], float(errors.mean()), float(errors.std(ddof=1)), len(held))


def reconstruction_error(fit: Components, current: Mapping[str, ArrayLike]) -> tuple[Estimate, HypothesisTest]:
    """Mean distance of current rows from what the reference's components make of them, in standard deviations.

    The test compares it with the reference's own error, two-sided. Raises ValueError on columns
    that are absent.
    """
    missing = [name for name in fit.names if name not in current]
    if missing:
        raise ValueError(f"The data have no column {', '.join(missing)}; give those the components were made from.")
    _, values = matrix({name: current[name] for name in fit.names})
    errors = _errors(values, fit.mean, fit.scale, fit.axes)
    n, value = errors.size, float(errors.mean())
    if n < 2:
        raise ValueError("One row has no spread; give at least two.")
    error = float(errors.std(ddof=1)) / n**0.5
    half = normal_quantile() * error
    detail = {"reference": fit.error, "components": len(fit.axes)}
    method = f"mean distance from {len(fit.axes)} components; normal interval"
    z = (value - fit.error) / float(np.hypot(error, fit.spread / fit.n**0.5))
    from_reference = HypothesisTest(
        "Reconstruction", z, erfc(abs(z) / 2**0.5), n, "The error is that of the reference.", "two-sided z, two samples"
    )
    return Estimate(value, value - half, value + half, method, n, detail=detail), from_reference


def _both(
    reference: Mapping[str, ArrayLike], current: Mapping[str, ArrayLike]
) -> tuple[tuple[str, ...], Scores, Scores]:
    if set(reference) != set(current) or not reference:
        odd = ", ".join(sorted(set(reference) ^ set(current))) or "none"
        raise ValueError(f"Both batches need the same columns; in one only: {odd}.")
    names = tuple(reference)
    batches = []
    for label, batch in (("reference", reference), ("current", current)):
        arrays = {name: column(batch[name], name) for name in names}
        n = same_length(**arrays)
        if n < FEW:
            raise ValueError(f"The {label} batch has {n:,} rows; telling batches apart needs {FEW} of each.")
        batches.append(np.column_stack(list(arrays.values())))
    return names, batches[0], batches[1]


def _errors(values: Scores, mean: Scores, scale: Scores, axes: Scores) -> Scores:
    z = (values - mean) / scale
    return np.asarray(np.sqrt(((z - z @ axes.T @ axes) ** 2).sum(axis=1)))
