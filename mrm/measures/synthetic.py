"""Credit applications of a demo bank that never existed, with a bias that is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

FEATURES = (
    "bureau_score",
    "income",
    "debt_to_income",
    "loan_to_value",
    "utilisation",
    "years_employed",
    "delinquencies",
)
BIAS = 45.0


def applications(n: int, seed: int, bias: float = BIAS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`n` applications: (features with `row_id` and `default`, protected attributes by `row_id`).

    Planted: every woman's `bureau_score` is `bias` points lower than her credit standing earns her
    (default 45, three quarters of that score's standard deviation), as if a bureau held
    thinner files on women. Nothing else differs: sex, age band and region are drawn apart from
    credit standing, and default depends on standing, debt, loan to value and delinquencies only,
    never on sex and never on the recorded score. So a model trained on these columns underrates women
    at equal risk; with `bias=0` no attribute carries any information.

    Features: `bureau_score` points (about 300 to 850), `income` per year, `debt_to_income`,
    `loan_to_value` and `utilisation` shares, `years_employed` years, `delinquencies` count in two
    years. `default` is 1 within 12 months, about 12 % of rows. Protected: `sex` (F, M),
    `age_band`, `region`; 4 % of each are missing, as not provided.
    """
    rng = np.random.default_rng(seed)
    standing = rng.normal(size=n)
    sex = rng.choice(["F", "M"], n, p=[0.46, 0.54])
    age = rng.choice(["18-24", "25-39", "40-61", "62 and over"], n, p=[0.10, 0.36, 0.40, 0.14])
    region = rng.choice(["North", "South", "East", "West", "Islands"], n, p=[0.3, 0.28, 0.22, 0.195, 0.005])
    row_id = np.arange(1, n + 1)
    features = pd.DataFrame({"row_id": row_id})
    points = 640 + 60 * standing + rng.normal(0, 12, n) - bias * (sex == "F")
    features["bureau_score"] = np.clip(np.round(points), 300, 850)
    features["income"] = np.round(np.exp(rng.normal(10.7, 0.45, n) + 0.08 * standing), -2)
    features["debt_to_income"] = np.round(np.clip(rng.beta(3, 6, n) - 0.02 * standing, 0.01, 0.95), 3)
    features["loan_to_value"] = np.round(np.clip(rng.beta(6, 3, n), 0.05, 1.1), 3)
    features["utilisation"] = np.round(np.clip(rng.beta(2, 4, n), 0, 1), 3)
    features["years_employed"] = np.round(rng.gamma(2.2, 3.1, n), 1)
    features["delinquencies"] = rng.poisson(np.exp(-1.6 - 0.35 * standing)).astype(np.int64)
    odds = (
        -4.2
        - 1.1 * standing
        + 3.0 * features["debt_to_income"]
        + 1.0 * features["loan_to_value"]
        + 0.35 * features["delinquencies"]
    )
    features["default"] = (rng.random(n) < special.expit(odds)).astype(np.int64)
    protected = pd.DataFrame({"row_id": row_id, "sex": sex, "age_band": age, "region": region})
    for name in ("sex", "age_band", "region"):
        protected[name] = protected[name].mask(rng.random(n) < 0.04)
    return features, protected
