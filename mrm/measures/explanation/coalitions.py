"""Shapley values without sampling: every coalition of few features, for any function of a matrix."""

from __future__ import annotations

from functools import cache
from math import factorial

import numpy as np
from numpy.typing import NDArray

from mrm.measures.explanation.attributions import Matrix, Predict

FEATURES = 8  # 256 coalitions; beyond, the outputs asked for double with every feature


def shapley_values(predict: Predict, row: Matrix, background: Matrix) -> Matrix:
    """Values (features,) of one row (features,) against a background (m, features): Shapley (1953), exactly.

    The value of a coalition is the mean output with its features taken from the row and all others
    from each background row, as in interventional SHAP. Asks for m times 2^features outputs at once.
    """
    members, weights = _coalitions(row.size)
    mixed = np.where(members[:, None, :], row, background[None])
    worth = predict(mixed.reshape(-1, row.size)).reshape(len(members), len(background)).mean(axis=1)
    return np.asarray(weights @ worth)


@cache
def _coalitions(k: int) -> tuple[NDArray[np.bool_], Matrix]:
    """Which features are in each coalition (2^k, k), and the weight of its worth for each feature (k, 2^k)."""
    members = ((np.arange(2**k)[:, None] >> np.arange(k)) & 1).astype(bool)
    size = members.sum(axis=1)
    joined = np.array([factorial(max(s - 1, 0)) * factorial(k - s) / factorial(k) for s in size])
    left = np.array([factorial(s) * factorial(max(k - s - 1, 0)) / factorial(k) for s in size])
    return members, np.where(members.T, joined, -left)
