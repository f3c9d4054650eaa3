"""Performance measures against scikit-learn, closed forms and a reference case."""

import numpy as np
import pytest
from scipy import special, stats
from sklearn import metrics
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.stats.proportion import proportion_confint

from mrm.measures.calibration import ece, slope_and_intercept
from mrm.measures.discrimination import auc
from mrm.measures.intervals import benjamini_hochberg, wilson
from mrm.measures.performance import performance


def by_name(results):
    return {r.measure: r for r in results}


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(5)
    p = special.expit(rng.normal(-1.5, 1.2, 4_000))
    return (rng.random(4_000) < p).astype(float), np.round(p, 3)


def test_breast_cancer_reference_case():
    x, y = load_breast_cancer(return_X_y=True)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y)
    found = by_name(performance(y, model.predict_proba(x)[:, 1], 0.5))
    expected = {"auc": 0.997437, "gini": 0.994873, "ks": 0.976415, "brier": 0.012798}
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-6)


def test_agrees_with_scikit_learn(sample):
    y, s = sample
    found, flagged = by_name(performance(y, s, 0.3)), s >= 0.3
    expected = {
        "auc": metrics.roc_auc_score(y, s),
        "brier": metrics.brier_score_loss(y, s),
        "accuracy": metrics.accuracy_score(y, flagged),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, flagged),
        "true_positive_rate": metrics.recall_score(y, flagged),
        "positive_predictive_value": metrics.precision_score(y, flagged),
        "base_rate": y.mean(),
    }
    assert {name: found[name].value for name in expected} == pytest.approx(expected, abs=1e-12)
    fpr, tpr, _ = metrics.roc_curve(y, s)
    assert found["ks"].value == pytest.approx((tpr - fpr).max(), abs=1e-12)


def test_brier_skill_is_zero_for_the_base_rate_and_one_for_the_truth():
    y = np.array([1] * 20 + [0] * 80)
    assert by_name(performance(y, np.full(100, 0.2), 0.5))["brier_skill"].value == pytest.approx(0)
    assert by_name(performance(y, y.astype(float), 0.5))["brier_skill"].value == 1


def test_every_interval_contains_its_value_and_names_its_method(sample):
    for result in performance(*sample, 0.3):
        if result.lower is not None:
            assert result.lower <= result.value <= result.upper
        assert result.method
        assert result.n > 0


def test_intervals_of_distances_hold_their_value_where_there_is_nothing_to_find():
    rng = np.random.default_rng(15)
    p = rng.beta(2, 5, 3_000)
    found = by_name(performance((rng.random(3_000) < p).astype(int), p, 0.5))
    useless = by_name(performance(rng.integers(0, 2, 3_000), rng.random(3_000), 0.5))
    for result in (found["ece"], useless["ks"]):
        assert result.lower <= result.value <= result.upper
    assert useless["ks"].lower < 0.02


def test_delong_covers_the_true_auc():
    rng, truth, hits = np.random.default_rng(8), stats.norm.cdf(1 / np.sqrt(2)), 0
    for _ in range(200):
        s = np.concatenate([rng.normal(1, 1, 60), rng.normal(0, 1, 140)])
        found = auc(np.repeat([1, 0], [60, 140]), s)
        hits += found.lower <= truth <= found.upper
    assert 180 <= hits <= 200


def test_recalibration_of_a_perfect_and_of_an_overconfident_score(sample):
    rng = np.random.default_rng(9)
    x = rng.normal(-1, 1, 50_000)
    y = (rng.random(50_000) < special.expit(x)).astype(int)
    slope, intercept = slope_and_intercept(y, special.expit(x))
    assert (slope.value, intercept.value) == pytest.approx((1, 0), abs=0.05)
    slope, _ = slope_and_intercept(y, special.expit(2 * x))
    assert slope.value == pytest.approx(0.5, abs=0.03)


def test_ece_by_hand():
    y, s = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.8])
    assert ece(y, s, seed=0, bins=2).value == pytest.approx(0.5 * 0.15 + 0.5 * 0.3)


def test_scores_that_are_no_probabilities_have_no_calibration(sample):
    y, s = sample
    found = by_name(performance(y, 600 - 50 * s, 580))
    assert found["ece"].status == found["calibration_slope"].status == "not_applicable"
    assert found["auc"].status == "info"


def test_few_events_are_insufficient_whatever_the_limits():
    limits = {"auc": {"direction": "higher", "watch": 0.75, "fail": 0.65}}
    found = by_name(performance([1, 1, 0, 0, 0, 0, 0], [0.9, 0.8, 0.1, 0.2, 0.1, 0.3, 0.2], 0.5, thresholds=limits))
    assert (found["auc"].status, found["auc"].value) == ("insufficient", None)
    assert found["auc"].reason == "2 events and 5 non-events, 5 of each needed."
    assert {r.status for r in found.values()} <= {"insufficient", "info"}


def test_unknown_outcomes_are_left_out_and_counted(sample):
    y, s = sample
    found = by_name(performance(np.append(y, np.nan), np.append(s, 0.5), 0.3))
    assert (found["auc"].n, found["base_rate"].detail["outcomes_unknown"]) == (4_000, 1)


@pytest.mark.parametrize(("y", "s"), [([0, 1], [0.1]), ([0, 2], [0.1, 0.2]), ([0, 1], [0.1, float("inf")])])
def test_malformed_input_is_refused(y, s):
    with pytest.raises(ValueError, match=r"\.$"):
        performance(y, s, 0.5)


def test_same_seed_same_numbers(sample):
    assert performance(*sample, 0.3, seed=4) == performance(*sample, 0.3, seed=4)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (57, 118)])
def test_wilson_agrees_with_statsmodels(k, n):
    assert wilson(k, n) == pytest.approx(proportion_confint(k, n, method="wilson"), abs=1e-12)


def test_benjamini_hochberg_by_hand():
    assert benjamini_hochberg([0.04, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert benjamini_hochberg([]) == []
