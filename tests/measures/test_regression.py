"""Regression, pricing and loss measures against scikit-learn, scipy, statsmodels and hand calculation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import diagnostic, stattools
from statsmodels.tools import add_constant

from mrm.measures import insurance, loss_given_default, regression, residuals

ROWS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(12)
    x = rng.normal(size=(2_000, 2))
    predicted = 50 + 8 * x[:, 0] - 3 * x[:, 1]
    return x, predicted + rng.normal(0, 4, 2_000) * np.exp(0.2 * x[:, 0]), predicted


def test_agrees_with_scikit_learn(sample):
    _, a, p = sample
    errors = regression.summarise(a, p, origin=50)
    assert regression.mae(errors).value == pytest.approx(metrics.mean_absolute_error(a, p))
    assert regression.rmse(errors).value == pytest.approx(metrics.root_mean_squared_error(a, p))
    assert regression.mape(errors).value == pytest.approx(metrics.mean_absolute_percentage_error(a, p))
    assert regression.r_squared(errors).value == pytest.approx(metrics.r2_score(a, p))
    assert regression.bias(errors).value == pytest.approx((p - a).mean())
    assert regression.smape(errors).value == pytest.approx((2 * abs(p - a) / (abs(p) + abs(a))).mean())
    for measure in ("mae", "rmse", "mape", "smape", "r_squared", "bias"):
        found = getattr(regression, measure)(errors)
        assert found.lower < found.value < found.upper
        assert found.n == 2_000


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_sums_of_parts_add_up_to_rounding(a, b, c):
    parts = [regression.summarise(*zip(*rows, strict=True)) for rows in (a, b, c)]
    whole = regression.summarise(*zip(*a, *b, *c, strict=True))
    one = regression.merge(regression.merge(parts[0], parts[1]), parts[2])
    two = regression.merge(parts[0], regression.merge(parts[2], parts[1]))
    for merged in (one, two):
        assert merged.n == whole.n
        assert regression.rmse(merged).value == pytest.approx(regression.rmse(whole).value)
        assert regression.mae(merged).value == pytest.approx(regression.mae(whole).value)


def test_intervals_of_r_squared_cover():
    rng, hits = np.random.default_rng(13), 0
    for _ in range(200):
        x = rng.normal(size=300)
        found = regression.r_squared(regression.summarise(x + rng.normal(size=300), x))
        hits += found.lower <= 0.5 <= found.upper
    assert 178 <= hits <= 199


def test_residual_tests_agree_with_statsmodels(sample):
    x, a, p = sample
    e = a - p
    assert residuals.durbin_watson(e).statistic == pytest.approx(stattools.durbin_watson(e))
    found = residuals.breusch_pagan(e, {"x1": x[:, 0], "x2": x[:, 1]})
    statistic, p_value, _, _ = diagnostic.het_breuschpagan(e, add_constant(x))
    assert (found.statistic, found.p) == pytest.approx((statistic, p_value))
    assert found.p < 1e-6
    skewed = residuals.jarque_bera(e)
    assert (skewed.statistic, skewed.p) == pytest.approx(tuple(stats.jarque_bera(e)))
    assert OLS(a, add_constant(x)).fit().nobs == skewed.n


def test_serial_correlation_is_found():
    noise = np.random.default_rng(1).normal(size=500)
    assert residuals.durbin_watson(noise).p > 0.01
    assert residuals.durbin_watson(noise.cumsum()).p < 1e-9


def test_coverage_by_hand():
    estimate, test = regression.coverage([1, 2, 3, 9, 5], [0] * 5, [5] * 5)
    assert (estimate.value, estimate.n) == (0.8, 5)
    assert test.p == pytest.approx(1)


def test_actual_to_expected_by_level_merges():
    rng = np.random.default_rng(2)
    e, names = rng.uniform(0.5, 1.5, 900), rng.choice(["a", "b", "c"], 900)
    a = rng.poisson(e * np.where(names == "b", 1.4, 1.0))
    whole = insurance.summarise(a, e, names)
    parts = insurance.merge(
        insurance.summarise(a[:300], e[:300], names[:300]), insurance.summarise(a[300:], e[300:], names[300:])
    )
    found = insurance.actual_to_expected(whole)
    assert found["b"].value == pytest.approx(a[names == "b"].sum() / e[names == "b"].sum())
    assert found["b"].lower > 1
    assert found["a"].lower < 1 < found["a"].upper
    assert insurance.actual_to_expected(parts)["b"].upper == pytest.approx(found["b"].upper)
    assert insurance.actual_to_expected({"none": insurance.Level(3)}) == {"none": None}


def test_the_ordered_lorenz_gini_by_hand_and_by_merit():
    assert insurance.lorenz_gini([0, 0, 0, 1], [1] * 4, [1, 2, 3, 4]).value == pytest.approx(0.75)
    rng = np.random.default_rng(3)
    risk = rng.gamma(1, 1, 5_000)
    losses, premiums = rng.poisson(risk), np.ones(5_000)
    good = insurance.lorenz_gini(losses, premiums, risk)
    useless = insurance.lorenz_gini(losses, premiums, rng.random(5_000))
    assert good.lower > 0.3 > useless.upper
    assert useless.lower < 0 < useless.upper


def test_equal_relativities_are_one_step_whatever_their_order():
    rng = np.random.default_rng(5)
    losses, premiums, scores = rng.poisson(1, 60), rng.integers(1, 3, 60), rng.integers(1, 3, 60)
    mixed = rng.permutation(60)
    one = insurance.lorenz_gini(losses, premiums, scores)
    assert one.value == pytest.approx(insurance.lorenz_gini(losses[mixed], premiums[mixed], scores[mixed]).value)
    rows, found = insurance.ordered_lorenz(losses, premiums, scores)
    assert len(rows) == len(np.unique(scores / premiums)) + 1
    assert one.value == pytest.approx(1 - 2 * np.trapezoid(found, rows))


def test_paired_t_agrees_with_scipy():
    rng = np.random.default_rng(4)
    e = rng.beta(2, 2, 80)
    r = e + rng.normal(0.03, 0.1, 80)
    found, expected = loss_given_default.paired_t(r, e), stats.ttest_rel(r, e, alternative="greater")
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))


def test_loss_capture_is_one_in_the_ideal_order_and_minus_one_in_the_reverse():
    r = np.linspace(0, 1, 50)
    assert loss_given_default.loss_capture_ratio(r, r**2).value == pytest.approx(1)
    assert loss_given_default.loss_capture_ratio(r, -r).value == pytest.approx(-1)
    assert loss_given_default.loss_capture_ratio(r, np.ones(50)).value == pytest.approx(0)
    weighted = loss_given_default.loss_capture_ratio(r, r + np.sin(40 * r), np.geomspace(1, 100, 50))
    assert weighted.lower < weighted.value < weighted.upper


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4))
def test_somers_d_agrees_with_scipy(cells):
    table = np.array(cells)
    if (table.sum(axis=1) > 0).sum() < 2:
        with pytest.raises(ValueError, match="All rows realise one class"):
            loss_given_default.somers_d(table)
        return
    found = loss_given_default.somers_d(table, draws=20)
    with np.errstate(all="ignore"):
        assert found.value == pytest.approx(stats.somersd(table[table.sum(axis=1) > 0]).statistic)
    assert loss_given_default.generalised_auc(table, draws=20).value == pytest.approx((found.value + 1) / 2)


def test_the_generalised_area_of_two_classes_is_the_area():
    rng = np.random.default_rng(6)
    y, s = rng.integers(0, 2, 300), rng.integers(0, 5, 300)
    table = loss_given_default.cross_table(y, s, (0.5, 1.5, 2.5, 3.5))
    found = loss_given_default.generalised_auc(table)
    assert found.value == pytest.approx(metrics.roc_auc_score(y, s))
    assert found.lower < found.value < found.upper


def test_twelve_classes_of_loss():
    assert loss_given_default.classes([0, 0.05, 0.1, 0.99, 1, 1.4]).tolist() == [0, 1, 2, 10, 11, 11]
    one = loss_given_default.cross_table([0.2, 0.9], [0.3, 0.8])
    assert (one + one).sum() == 4


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (
            lambda: regression.summarise([1, np.nan], [1, 1]),
            "Column actual, row 2: nan is not a finite number; correct",
        ),
        (lambda: regression.summarise([1, 2], [1]), r"differ in length \(actual 2, predicted 1 rows\)"),
        (lambda: regression.summarise([], []), "Column actual has no row"),
        (lambda: regression.summarise(["a"], [1]), "Column actual, row 1: 'a' is not a number; turn the column"),
        (lambda: regression.summarise([[1]], [1]), "give one value for each row"),
        (lambda: regression.mape(regression.summarise([0], [1])), "Every actual is zero"),
        (lambda: regression.r_squared(regression.summarise([3, 3], [1, 2])), "R² needs actuals that differ"),
        (lambda: regression.coverage([1], [2], [1]), "Column low, row 1: 2 is above high, 1; swap"),
        (lambda: regression.merge(*(regression.summarise([1], [1], o) for o in (0, 1))), "different origins"),
        (lambda: residuals.durbin_watson([1, 2]), "needs ten residuals"),
        (lambda: residuals.breusch_pagan([1, 2, 3], {"x": [1, 1, 1]}), "columns x are collinear or constant"),
        (lambda: residuals.jarque_bera([1, 1]), "All residuals are alike"),
        (lambda: insurance.lorenz_gini([1], [0], [1]), "Column premium, row 1: 0 is not positive"),
        (lambda: insurance.lorenz_gini([0], [1], [1]), "Column loss adds up to nothing"),
        (lambda: insurance.summarise([1], [-1], ["a"]), "Column expected, row 1: -1 is negative"),
        (lambda: loss_given_default.paired_t([1], [1]), "at least two rows"),
        (lambda: loss_given_default.loss_capture_ratio([1, 1], [0, 1]), "holds one value only"),
        (lambda: loss_given_default.loss_capture_ratio([0, 1], [0, 1], [1, 0]), "Column exposure, row 2: 0 is not"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()
