"""Attributions that sum to the output, or none at all."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.explanation.attributions import AdditivityError, contributions, importance, load
from mrm.measures.explanation.capability import CAPABILITIES, capability
from mrm.measures.explanation.shapley import explain

NAMES = ["a", "b", "c", "d", "kind"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = pd.DataFrame(rng.normal(size=(500, 4)), columns=NAMES[:4])
    x["kind"] = rng.integers(0, 6, 500).astype(float)
    y = (x["a"] - x["b"] * x["c"] + 2 * (x["kind"] % 2) + rng.normal(size=500) > 1).astype(int)
    return x, y


def crossed(matrix):
    return 1 / (1 + np.exp(-matrix[:, 0] + matrix[:, 1] * matrix[:, 2]))


def test_linear_pipeline_is_exact_by_hand(data):
    x, y = data
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    found = explain(model, x[:300], x[300:340], seed=1)
    scaled, coefficients = model[0].transform(x), model[1].coef_[0]
    by_hand = (scaled[300:340] - scaled[:300].mean(axis=0)) * coefficients
    assert found.values == pytest.approx(by_hand, abs=1e-12)
    assert (found.method, found.output, found.n_background) == ("exact linear contributions", "log-odds", 300)
    assert found.additivity_max < 1e-12


@pytest.mark.parametrize(
    ("model", "unit"),
    [
        (GradientBoostingClassifier(n_estimators=20, random_state=0), "log-odds"),
        (HistGradientBoostingClassifier(max_iter=20, max_bins=50, random_state=0), "log-odds"),
        (HistGradientBoostingRegressor(max_iter=20, max_bins=50, random_state=0), "model output"),
        (RandomForestClassifier(10, random_state=0), "probability"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_trees_are_additive(data, model, unit):
    x, y = data
    found = explain(model.fit(x, y), x[:130], x[130:160], seed=1)
    assert (found.method, found.output, found.notes) == ("interventional tree SHAP", unit, "")
    assert found.additivity_max <= 1e-6


def test_the_silent_error_on_categorical_splits_is_caught(data):
    x, y = data
    model = HistGradientBoostingClassifier(categorical_features=[4], max_iter=40, random_state=0).fit(x, y)
    found = explain(model, x[:100], x[100:110], seed=1)
    assert found.method == "exact Shapley values over all coalitions"
    assert "interventional tree SHAP miss the model's output by up to" in found.notes
    assert "Explained over all coalitions instead" in found.notes
    assert found.additivity_max <= 1e-5


def test_the_silent_error_on_thresholds_that_equal_data_is_caught(data):
    x, y = data
    model = HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(x, y)
    found = explain(model, x[:100], x[100:105], seed=1)
    assert found.method == "interventional tree SHAP, accelerated"
    assert found.additivity_max <= 1e-6
    assert "The contributions of interventional tree SHAP miss the model's output" in found.notes


def test_any_function_is_explained_by_permutation_the_same_each_time(data):
    x, _ = data
    wide = x.join(x.add_suffix("_idle"))
    first, second = (explain(crossed, wide[:80], wide[100:105], seed=4) for _ in range(2))
    assert (first.values == second.values).all()
    assert np.abs(first.values[:, 3:]).max() < 1e-12
    assert (first.method, first.additivity_max < 1e-9) == ("permutation SHAP", True)


def test_any_function_of_few_features_is_explained_exactly_as_shap_does(data):
    import shap  # warns when it is the first to be imported

    x, _ = data
    found = explain(crossed, x[:80], x[100:105], seed=4)
    theirs = shap.explainers.Exact(crossed, shap.maskers.Independent(x[:80].to_numpy(), max_samples=80))
    assert found.method == "exact Shapley values over all coalitions"
    assert found.values == pytest.approx(theirs(x[100:105].to_numpy()).values, abs=1e-12)


def test_a_model_that_changes_its_mind_is_refused(data):
    x, _ = data
    rng = np.random.default_rng(0)
    with pytest.raises(AdditivityError):
        explain(lambda matrix: rng.random(len(matrix)), x[:20], x[100:103], seed=4)


def test_progress_counts_and_cancels(data):
    x, y = data
    model, seen = GradientBoostingClassifier(n_estimators=5).fit(x, y), []
    explain(model, x[:20], x[100:150], 1, lambda done, total: seen.append((done, total)))
    assert seen == [(20, 50), (40, 50), (50, 50)]

    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain(model, x[:20], x[100:150], 1, cancel)


def test_background_is_hashed_and_changes_the_digest(data):
    x, y = data
    model = LogisticRegression().fit(x, y)
    one, two = (explain(model, x[:size], x[300:310], seed=1) for size in (100, 101))
    assert one.background_digest != two.background_digest


def test_importance_has_intervals_and_an_order(data):
    x, y = data
    found = importance(explain(LogisticRegression().fit(x, y), x[:200], x[200:400], seed=1), seed=2, draws=500)
    assert [each.value for each in found] == sorted((each.value for each in found), reverse=True)
    assert all(each.lower < each.value < each.upper for each in found)
    assert sum(each.share for each in found) == pytest.approx(1)


def test_contributions_and_file_round_trip(data, tmp_path):
    x, y = data
    found = explain(LogisticRegression().fit(x, y), x[:200], x[200:210], seed=1)
    found.save(tmp_path / "e.npz")
    again = load(tmp_path / "e.npz")
    assert again.as_dict() == found.as_dict()
    parts = contributions(again, 3)
    assert sum(each.contribution for each in parts) == pytest.approx(found.values[3].sum())
    assert {each.feature: each.feature_value for each in parts} == pytest.approx(x.iloc[203].to_dict())


def test_every_capability_says_why():
    assert all(
        row["why"] and row["explainer"] in ("linear", "tree", CAPABILITIES[-1]["explainer"]) for row in CAPABILITIES
    )
    assert capability(RandomForestClassifier())["explainer"] == "tree"
    assert capability(len)["explainer"] == "coalitions or permutation"
