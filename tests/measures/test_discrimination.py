"""Ranking, separation and decisions against scikit-learn, closed forms and the reference case."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.decisions import Confusion, balanced_accuracy, confusion, f_beta, matthews
from mrm.measures.discrimination import auc, average_precision, drop, hanley_mcneil
from mrm.measures.ranking import bands, bands_of, cap, lift, rank_order
from mrm.measures.score_tables import score_table
from mrm.measures.separation import Moments, divergence, information_value
from mrm.measures.tables import Spec, summarise
from tests.measures.conftest import data_file


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(5)
    p = special.expit(rng.normal(-1.5, 1.2, 4_000))
    return (rng.random(4_000) < p).astype(int), np.round(p, 3)


def test_hanley_mcneil_by_hand():
    rng = np.random.default_rng(1)
    y, s = np.repeat([1, 0], [30, 70]), np.concatenate([rng.normal(1, 1, 30), rng.normal(0, 1, 70)])
    found = hanley_mcneil(y, s)
    a, m, n = found.value, 30, 70
    variance = (a * (1 - a) + (m - 1) * (a / (2 - a) - a * a) + (n - 1) * (2 * a * a / (1 + a) - a * a)) / (m * n)
    assert a == pytest.approx(metrics.roc_auc_score(y, s))
    assert found.detail["error"] == pytest.approx(variance**0.5)
    assert found.upper == pytest.approx(min(1, a + 1.959964 * variance**0.5))


def test_average_precision_agrees_with_scikit_learn(sample):
    found = average_precision(*sample)
    assert found.value == pytest.approx(metrics.average_precision_score(*sample), abs=1e-12)
    assert found.lower < found.value < found.upper
    assert found.detail["base_rate"] == sample[0].mean()
    perfect = average_precision(np.array([0, 1]), np.array([0.1, 0.9]))
    assert (perfect.value, perfect.lower, perfect.reason) == (1, None, "A perfect ranking has no logit.")


def test_a_fallen_area_is_tested_on_one_side(sample):
    y, s = sample
    now = auc(y, s)
    before = auc(y, s + 0.1 * y)
    estimate, test = drop(before, now)
    assert estimate.value == before.value - now.value
    assert test.p == pytest.approx(stats.norm.sf(estimate.value / now.detail["error"]))
    assert test.p < 1e-6
    assert drop(now, before)[1].p > 0.99
    assert drop(before, now, sampled=True)[1].p > test.p


def test_a_drop_needs_an_error():
    exact = auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4]))
    with pytest.raises(ValueError, match="no standard error; take one with several events and non-events that overlap"):
        drop(exact, exact)


@pytest.mark.parametrize("scores", [[0.1, 0.2, 0.8, 0.9], [0.5] * 4])
def test_a_ranking_without_spread_claims_no_certainty(scores):
    for measure in (auc, hanley_mcneil) if scores[0] != scores[1] else (auc,):
        found = measure(np.array([0, 0, 1, 1]), np.array(scores))
        assert (found.lower, found.upper) == (None, None)
        assert found.reason.startswith("Events and non-events do not overlap")


def test_the_cap_curve_holds_the_gini(sample):
    rows, events = cap(bands(*sample))
    rate = sample[0].mean()
    area = np.trapezoid(events, rows)
    assert (area - 0.5) / (0.5 * (1 - rate)) == pytest.approx(2 * metrics.roc_auc_score(*sample) - 1)
    assert (rows[0], events[0], rows[-1], events[-1]) == (0, 0, 1, 1)


def test_lift_by_hand():
    y = np.array([1, 1, 0, 1, 0, 0, 0, 0, 0, 0])
    found = {each.share: each for each in lift(bands(y, np.linspace(1, 0.1, 10)))}
    assert found[0.2].capture.value == pytest.approx(2 / 3)
    assert found[0.2].lift.value == pytest.approx(10 / 3)
    assert (found[1.0].capture.value, found[1.0].lift.value) == (1, 1)


def test_bands_of_a_table_give_nearly_the_same_lift(sample):
    y, s = sample
    table = score_table(summarise(pd.DataFrame({"y": y, "s": s}), Spec("y", "s", 0.5, "below")))
    for one, two in zip(lift(bands(y, s)), lift(bands_of(table)), strict=True):
        assert one.capture.value == pytest.approx(two.capture.value, abs=0.01)


def test_breaks_of_the_order_are_counted_and_tested():
    rates = [0.5, 0.4, 0.45, 0.3, 0.2, 0.2, 0.1, 0.15, 0.05, 0.0]
    y = np.concatenate([np.repeat([1, 0], [round(100 * rate), 100 - round(100 * rate)]) for rate in rates])
    found = rank_order(bands(y, np.repeat(np.arange(10, 0, -1), 100)))
    assert (found.breaks.value, found.top_breaks.value) == (2, 1)
    assert [decile.rate for decile in found.deciles] == pytest.approx(rates)
    assert [place for place, decile in enumerate(found.deciles) if decile.p is not None] == [2, 7]
    assert 0.1 < found.deciles[2].p < 1
    assert found.breaks.reason.startswith("A count of breaks has no interval")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_decisions_agree_with_scikit_learn(rows):
    y, d = (np.array(each).astype(int) for each in zip(*rows, strict=True))
    assume(len({*y, *d}) == 2)
    table = confusion(y, d.astype(float), 0.5)
    assert f_beta(table, 2, draws=50).value == pytest.approx(metrics.fbeta_score(y, d, beta=2, zero_division=0))
    assert matthews(table, draws=50).value == pytest.approx(metrics.matthews_corrcoef(y, d), abs=1e-12)
    if 0 < y.sum() < y.size:
        found = balanced_accuracy(table)
        assert found.value == pytest.approx(metrics.balanced_accuracy_score(y, d))
        assert found.lower <= found.value <= found.upper
    half = len(rows) // 2
    if half:
        parts = confusion(y[:half], d[:half], 0.5) + confusion(y[half:], d[half:], 0.5)
        assert parts == table


def test_information_value_of_the_checking_account():
    data = pd.read_csv(data_file("german-credit/german.data"), sep=r"\s+", header=None)
    pairs = pd.crosstab(data[0], data[20])
    found, parts = information_value({name: (int(row[1]), int(row[2])) for name, row in pairs.iterrows()})
    assert found.value == pytest.approx(0.666012, abs=1e-6)
    assert sum(part.part for part in parts) == pytest.approx(found.value)
    assert found.lower < found.value < found.upper
    assert found.n == 1_000


def test_an_empty_cell_counts_half_a_row():
    found, parts = information_value({"a": (10, 0), "b": (10, 5)})
    assert parts[0].evidence == pytest.approx(np.log(0.5 / (0.5 / 5)))
    assert np.isfinite(found.value)


def test_divergence_is_the_squared_distance_of_normals():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        g, b = rng.normal(0, 1, 300), rng.normal(0.8, 1, 100)
        found = divergence(*(Moments(each.size, each.mean(), each.var(ddof=1)) for each in (g, b)))
        covered += found.lower <= 0.64 <= found.upper
    assert 180 <= covered <= 198


def test_breast_cancer_reference_case_from_the_histogram():
    x, y = load_breast_cancer(return_X_y=True)
    s = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(x, y).predict_proba(x)[:, 1]
    area = auc(y, s)
    assert area.value == pytest.approx(0.997437, abs=1e-6)
    assert abs(hanley_mcneil(y, s).lower - area.lower) < 0.002


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: auc(np.array([1, 1]), np.array([0.1, 0.2])), "Column label holds only 1 in its 2 rows"),
        (lambda: bands(np.array([0, 0]), np.array([0.1, 0.2])), "ranking needs events and non-events"),
        (lambda: information_value({"a": (3, 0)}), "needs rows with and without the event"),
        (lambda: information_value({"a": (3, -1)}), "Column bads, row 1: -1 is not a count; give whole numbers"),
        (lambda: divergence(Moments(1, 0, 0), Moments(9, 0, 1)), "at least two rows with and two without"),
        (lambda: f_beta(Confusion(1, 1, 1, 1), 0), "beta is 0; give a positive weight"),
        (lambda: Confusion(0, 0, 0, 0), "at least one row"),
        (lambda: balanced_accuracy(Confusion(1, 0, 0, 1)), "There is no non-event"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()
