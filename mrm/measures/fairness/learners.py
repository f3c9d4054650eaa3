"""The kinds of model that candidates of a search are fitted by: named, seeded, and of standard scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.fairness.candidates import Fit, Labels, Score, Values

LEARNERS = ("logistic", "boosting")
GRIDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "logistic": {"C": (0.01, 0.1, 10.0)},
    "boosting": {"max_depth": (2, 4), "learning_rate": (0.05, 0.1)},
}


def learner(name: str, seed: int) -> Fit:
    """The fit of a named kind, giving the probability of the label 1. Raises ValueError on a kind that there is not."""
    if name not in LEARNERS:
        raise ValueError(f"There is no kind of model {name}; candidates are fitted by {' or '.join(LEARNERS)}.")

    def fit(features: pd.DataFrame, labels: Labels, weights: Values | None, parameters: Mapping[str, Any]) -> Score:
        model: Any
        if name == "boosting":
            model = HistGradientBoostingClassifier(**{"max_iter": 60, "random_state": seed, **parameters})
            model.fit(features, labels, sample_weight=weights)
        else:
            settings = {"max_iter": 500, **parameters}
            model = make_pipeline(
                SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(**settings)
            )
            model.fit(features, labels, logisticregression__sample_weight=weights)
        return lambda rows: np.asarray(model.predict_proba(rows)[:, 1])

    return fit
