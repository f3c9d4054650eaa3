"""Calibration and backtesting against published values, closed forms, scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special, stats
from sklearn import metrics

from mrm.measures.backtesting import (
    binomial,
    by_grade,
    correlated_binomial,
    hosmer_lemeshow,
    jeffreys,
    normal_test,
    spiegelhalter,
    traffic_light,
)
from mrm.measures.calibration import ece
from mrm.measures.reliability import (
    calibration_in_the_large,
    equal_mass_edges,
    mce,
    mean_error,
    merge,
    murphy,
    summarise,
)

EDGES = np.array([0.1, 0.25, 0.5, 1.0])
ROWS = st.lists(st.tuples(st.sampled_from([0, 1]), st.floats(0, 1)), min_size=1, max_size=30)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(7)
    p = special.expit(rng.normal(-1.5, 1, 20_000))
    return (rng.random(p.size) < p).astype(int), p


def test_binomial_and_jeffreys_reference_cases():
    assert binomial(15, 1_000, 0.01).p == pytest.approx(0.082412, abs=1e-6)
    assert jeffreys(15, 1_000, 0.01).p == pytest.approx(0.063229, abs=1e-6)
    ((first, second),) = by_grade([15], [1_000], [0.01])
    assert (first, second) == (binomial(15, 1_000, 0.01), jeffreys(15, 1_000, 0.01))


@pytest.mark.parametrize(
    ("exceptions", "zone"), [(0, "green"), (4, "green"), (5, "yellow"), (9, "yellow"), (10, "red")]
)
def test_traffic_light_zones(exceptions, zone):
    assert traffic_light(exceptions).zone == zone


def test_traffic_light_reference_cases():
    assert traffic_light(4).cumulative == pytest.approx(0.8922, abs=5e-5)
    assert traffic_light(9).cumulative == pytest.approx(0.9997, abs=5e-5)


def test_correlation_widens_the_binomial_and_none_is_the_binomial():
    plain = binomial(25, 1_000, 0.01).p
    assert correlated_binomial(25, 1_000, 0.01, 0.0).p == pytest.approx(plain, rel=1e-9)
    rng = np.random.default_rng(3)
    given_factor = stats.norm.cdf((stats.norm.ppf(0.01) - 0.12**0.5 * rng.normal(size=200_000)) / 0.88**0.5)
    simulated = (rng.binomial(1_000, given_factor) >= 25).mean()
    found = correlated_binomial(25, 1_000, 0.01, 0.12).p
    assert found == pytest.approx(simulated, abs=0.005)
    assert found > 100 * plain


def test_normal_test_by_hand():
    found = normal_test([0.02, 0.03, 0.01], [0.01, 0.01, 0.01])
    assert found.statistic == pytest.approx(0.01 / (0.01 / 3**0.5))
    assert found.note == "3 years are few for a normal test."


def test_a_true_probability_is_rejected_at_the_level_of_the_test():
    rng, rejected = np.random.default_rng(4), np.zeros(2)
    for _ in range(300):
        p = rng.beta(2, 8, 800)
        y = (rng.random(800) < p).astype(int)
        rejected += [spiegelhalter(y, p).p < 0.05, hosmer_lemeshow(y, p).p < 0.05]
    assert (rejected > 3).all()
    assert (rejected < 30).all()


def test_hosmer_lemeshow_is_not_to_be_gated_on_at_large_n():
    rng = np.random.default_rng(6)
    p = rng.beta(2, 20, 200_000)
    y = (rng.random(p.size) < p * 1.05).astype(int)
    small, large = hosmer_lemeshow(y[:1_000], p[:1_000]), hosmer_lemeshow(y, p)
    assert small.p > 0.05
    assert large.p < 1e-4
    assert (small.note, small.degrees) == ("", 10)
    assert large.note.endswith("judge the calibration error instead.")
    assert hosmer_lemeshow(y[:1_000], p[:1_000], holdout=False).degrees == 8


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from([0.1, 0.2, 0.4, 0.7, 0.9])), min_size=30, max_size=60)
)
def test_the_order_of_rows_changes_nothing_among_equal_scores(rows):
    y, p = (np.array(each) for each in zip(*rows, strict=True))
    assume(len(set(p.tolist())) > 2)
    mixed = np.random.default_rng(len(rows)).permutation(len(rows))
    assert ece(y, p, 0, draws=50) == ece(y[mixed], p[mixed], 0, draws=50)
    one, two = hosmer_lemeshow(y, p, 4), hosmer_lemeshow(y[mixed], p[mixed], 4)
    assert one.statistic == pytest.approx(two.statistic)


def test_murphys_parts_add_up_to_the_brier_score(sample):
    y, p = sample
    found = murphy(summarise(y, p, equal_mass_edges(p)))
    assert found.brier == pytest.approx(metrics.brier_score_loss(y, p), abs=1e-12)
    for part in (found.reliability, found.resolution, found.uncertainty):
        assert part.lower <= part.upper
    assert found.within.reason


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS)
def test_tables_of_parts_add_up(a, b):
    def table(rows):
        y, p = zip(*rows, strict=True)
        return summarise(np.array(y), np.array(p), EDGES)

    one, two, whole = table(a), table(b), table(a + b)
    for merged in (merge(one, two), merge(two, one)):
        assert (merged.n == whole.n).all()
        assert (merged.events == whole.events).all()
        assert merged.total == pytest.approx(whole.total)
        assert murphy(merged, draws=20).brier == pytest.approx(murphy(whole, draws=20).brier)


def test_the_largest_gap_by_hand():
    y, p = np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.6, 0.6])
    assert mce(summarise(y, p, EDGES)).value == pytest.approx(0.4)


def test_a_shifted_probability_shows_in_the_large(sample):
    y, p = sample
    exact = calibration_in_the_large(y, p)
    assert exact.lower < 0 < exact.upper
    shifted = calibration_in_the_large(y, special.expit(special.logit(p) - 0.7))
    assert shifted.value == pytest.approx(exact.value + 0.7, abs=1e-6)
    assert mean_error(y, p).value == pytest.approx((p - y).mean())
    assert calibration_in_the_large(np.zeros(3, dtype=int), np.full(3, 0.2)) is None


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: binomial(5, 4, 0.01), "5 events of 4 rows are impossible"),
        (lambda: jeffreys(1, 4, 1.2), "The probability is 1.2; give one above 0 and below 1"),
        (lambda: correlated_binomial(1, 9, 0.1, 1), "The asset correlation is 1; give a number from 0"),
        (lambda: normal_test([0.1], [0.1]), "at least two years"),
        (lambda: spiegelhalter([0, 1], [0.5, 1.0]), "holds only 0, 0.5 and 1"),
        (lambda: spiegelhalter([0, 2], [0.5, 0.4]), "Column label, row 2: 2 is neither 0 nor 1; code the event as 1"),
        (lambda: spiegelhalter([0, 1], [0.5, 1.4]), "Column score, row 2: 1.4 lies outside 0 to 1; correct"),
        (lambda: hosmer_lemeshow([0, 1], [0.5, 0.4]), "2 rows cannot be tested in 10 groups"),
        (lambda: hosmer_lemeshow([0] * 9, [0.0] * 9, 3), "only probabilities of 0 or 1"),
        (lambda: hosmer_lemeshow([0, 1] * 9, [0.2] * 18, holdout=False), "make only 1 groups; the test needs three"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()
