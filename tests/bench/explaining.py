"""What our explanation adds to the library's own call, for each kind of model: same rows, same background, one process."""

import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from mrm.measures.explanation.shapley import explain
from mrm.measures.synthetic import FEATURES, applications
from tests.bench.table import Row, median_ms, wants

with warnings.catch_warnings():  # its plots use deprecated calls of matplotlib on import
    warnings.simplefilter("ignore")
    import shap

TREE, FEW = (
    "explaining 400 rows of boosted trees, background 500",
    "explaining 40 rows by outputs, 7 features, background 200",
)
LINEAR = "explaining 20,000 rows of a linear model, background 10,000"


def run(wanted: list[str]) -> list[Row]:
    """The rows asked for; every explanation of ours includes its check of additivity."""
    rows = [_tree] if wants(wanted, TREE) else list[Callable[[pd.DataFrame, pd.Series], Row]]()
    rows += [_few] if wants(wanted, FEW) else []
    rows += [_linear] if wants(wanted, LINEAR) else []
    if not rows:
        return []
    table, _ = applications(40_000, seed=3)
    return [row(table[list(FEATURES)].astype(float), table["default"]) for row in rows]


def _tree(data: pd.DataFrame, label: pd.Series) -> Row:
    model = GradientBoostingClassifier(n_estimators=100, max_depth=3, random_state=0).fit(data[:5_000], label[:5_000])
    background, rows = data[:500], data[500:900]

    def native() -> None:
        whole = shap.maskers.Independent(background.to_numpy(), max_samples=len(background))
        explainer = shap.TreeExplainer(model, data=whole, feature_perturbation="interventional")
        explainer.shap_values(rows.to_numpy(), check_additivity=True)

    return _against(TREE, native, lambda: explain(model, background, rows, seed=1), "shap's TreeExplainer", 1.1)


def _few(data: pd.DataFrame, label: pd.Series) -> Row:
    model = GradientBoostingClassifier(n_estimators=50, max_depth=3, random_state=0).fit(data[:5_000], label[:5_000])
    background, rows = data[:200], data[500:540]

    def outputs(matrix: np.ndarray) -> np.ndarray:
        return model.predict_proba(pd.DataFrame(matrix, columns=data.columns))[:, 1]

    def native() -> None:
        masker = shap.maskers.Independent(background.to_numpy(), max_samples=200)
        shap.explainers.Exact(outputs, masker)(rows.to_numpy(), silent=True)

    return _against(FEW, native, lambda: explain(outputs, background, rows, seed=1), "shap's Exact", 1.1)


def _linear(data: pd.DataFrame, label: pd.Series) -> Row:
    model = LogisticRegression(max_iter=500).fit(data[:5_000], label[:5_000])
    background, rows = data[:10_000], data[10_000:30_000]

    def native() -> None:
        shap.LinearExplainer(model, shap.maskers.Independent(background, max_samples=10_000)).shap_values(rows)

    return _against(LINEAR, native, lambda: explain(model, background, rows, seed=1), "shap's LinearExplainer", None)


def _against(name: str, native: Callable[[], object], ours: Callable[[], object], peer: str, most: float | None) -> Row:
    taken, bare = median_ms(ours), median_ms(native)
    holds = None if most is None else taken <= most * bare
    return Row(name, taken, "ms", f"at most {most} x" if most else "none", holds, peer, bare, taken / bare)
