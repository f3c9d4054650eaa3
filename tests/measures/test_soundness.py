"""Collinearity, coefficients, generalisation, weak spots and coverage against statsmodels, scikit-learn and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.stats.outliers_influence import variance_inflation_factor
from statsmodels.tools import add_constant

from mrm.measures.discrimination import auc
from mrm.measures.soundness import collinearity, reliability
from mrm.measures.soundness.coefficients import evidence_order, logistic_coefficients
from mrm.measures.soundness.generalisation import dispersion, fold_values, overfit_gap, paired_auc, reproduced
from mrm.measures.soundness.slices import weak_spots

TRIPLES = st.lists(st.tuples(*[st.floats(-100, 100)] * 3), min_size=2, max_size=20)


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(51)
    a, b = rng.normal(5, 2, 1_500), rng.normal(size=1_500)
    return {"a": a, "b": b, "c": a + 0.5 * b + rng.normal(0, 0.6, 1_500)}


def test_variance_inflation_agrees_with_statsmodels(columns):
    found = collinearity.variance_inflation(collinearity.summarise(columns))
    design = add_constant(np.column_stack(list(columns.values())))
    expected = [variance_inflation_factor(design, place) for place in (1, 2, 3)]
    assert [found[name].value for name in "abc"] == pytest.approx(expected)
    assert found["a"].reason
    scaled = design / np.linalg.norm(design, axis=0)
    assert collinearity.condition_number(collinearity.summarise(columns)).value == pytest.approx(np.linalg.cond(scaled))
    pairs = collinearity.correlations(collinearity.summarise(columns))
    first = stats.pearsonr(columns["a"], columns["c"])
    assert next(iter(pairs)) == ("a", "c")
    assert pairs["a", "c"].value == pytest.approx(first.statistic)
    assert (pairs["a", "c"].lower, pairs["a", "c"].upper) == pytest.approx(tuple(first.confidence_interval()))


@settings(max_examples=40, deadline=None)
@given(TRIPLES, TRIPLES, TRIPLES)
def test_moments_of_parts_add_up_to_rounding(a, b, c):
    def moments(rows):
        return collinearity.summarise(dict(zip("xyz", map(list, zip(*rows, strict=True)), strict=True)))

    parts, whole = [moments(rows) for rows in (a, b, c)], moments(a + b + c)
    for one, two, three in ((0, 1, 2), (2, 1, 0)):
        merged = collinearity.merge(collinearity.merge(parts[one], parts[two]), parts[three])
        assert merged.n == whole.n
        assert merged.mean == pytest.approx(whole.mean, abs=1e-9)
        assert merged.products.ravel() == pytest.approx(whole.products.ravel(), abs=1e-6)


def test_coefficients_agree_with_statsmodels_and_contradict_business(columns):
    rng = np.random.default_rng(52)
    x = np.column_stack([columns["a"], 1_000 * columns["b"]])
    y = (rng.random(1_500) < special.expit(-3 + 0.5 * x[:, 0] - 0.0008 * x[:, 1])).astype(int)
    found = logistic_coefficients({"a": x[:, 0], "b": x[:, 1]}, y, {"a": 1, "b": 1})
    fit = Logit(y, add_constant(x)).fit(disp=0)
    assert [each.estimate.value for each in found] == pytest.approx(fit.params[1:], rel=1e-6)
    assert [each.p for each in found] == pytest.approx(fit.pvalues[1:], rel=1e-4)
    assert [each.estimate.lower for each in found] == pytest.approx(fit.conf_int()[1:, 0], rel=1e-4)
    assert [each.contradicts for each in found] == [False, True]


def test_evidence_that_does_not_fall_is_counted_and_tested():
    found = evidence_order([100, 120, 110, 150, 190], [90, 60, 75, 40, 10])
    assert (found.direction, found.breaks.value) == ("falling", 1)
    assert 0.05 < found.p_values[0] < 1
    assert evidence_order([90, 80, 70], [10, 20, 30]).breaks.value == 0


def test_a_benchmark_is_compared_on_the_same_rows():
    rng, rejected = np.random.default_rng(53), 0
    for _ in range(200):
        y = np.repeat([0, 1], [200, 100])
        truth = y + rng.normal(size=300)
        one, two = truth + rng.normal(size=300), truth + rng.normal(size=300)
        rejected += paired_auc(y, one, two)[1].p < 0.05
    assert 2 <= rejected <= 20
    estimate, test = paired_auc(y, truth, one)
    assert estimate.value == auc(y, truth).value - auc(y, one).value
    assert test.p < 0.05
    assert paired_auc(y, one, one)[1].p == 1
    estimate, test = paired_auc([0, 0, 1, 1], [1, 2, 3, 4], [5, 5, 5, 5])
    assert (estimate.value, estimate.lower, test.p) == (0.5, None, 0)
    assert test.note.endswith("its p-value is a limit.")


def test_overfit_dispersion_and_reproduction():
    rng = np.random.default_rng(54)
    y, s = rng.integers(0, 2, 900), rng.random(900)
    gap, test = overfit_gap(auc(y, s + 2 * y), auc(y, s + 0.3 * y))
    assert gap.lower > 0.02
    assert test.p < 1e-6
    folds = fold_values(y, s + 0.3 * y, rng.permutation(900) % 5)
    spread = dispersion([each.value for each in folds.values()], 900)
    assert 0 < spread.value < 0.1
    assert spread.reason.startswith("Folds and seeds share rows")
    assert reproduced({"auc": 0.7}, {"auc": 0.7 + 1e-7}) == {}
    assert reproduced({"auc": 0.7, "ks": 0.2}, {"auc": 0.71}) == {
        "auc": "auc was 0.7 and is 0.71; 1e-06 is tolerated.",
        "ks": "ks is missing from the second run.",
    }


def test_the_weak_spot_is_the_slice_that_was_spoiled():
    rng = np.random.default_rng(55)
    age, channel = rng.uniform(18, 80, 6_000), rng.choice(["web", "branch"], 6_000)
    age[:50] = np.nan
    losses = rng.exponential(0.1, 6_000) + 0.2 * ((age > 65) & (channel == "web"))
    found = weak_spots({"age": age, "channel": channel, "other": rng.normal(size=6_000)}, losses)
    assert found[0].conditions[1] == "channel is web"
    assert found[0].conditions[0].startswith("age over ")
    assert found[0].weak
    assert found[0].p_adjusted < 1e-6
    assert all(each.gap.n >= 100 for each in found)
    assert not any(each.weak for each in weak_spots({"other": rng.normal(size=6_000)}, losses))


def test_conformal_sets_keep_their_promise():
    rng = np.random.default_rng(56)
    p = rng.beta(2, 2, 20_000)
    y = (rng.random(p.size) < p).astype(int)
    scores = reliability.of_probabilities(y, p)
    limit = reliability.threshold(scores[:10_000])
    kept = reliability.coverage(scores[10_000:], limit)
    assert kept.share.value == pytest.approx(0.9, abs=0.01)
    assert kept.test.p > 0.01
    sizes = reliability.set_sizes(p[10_000:], limit)
    assert sum(each.value for each in sizes.values()) == pytest.approx(1)
    groups = np.where(p[10_000:] > 0.5, "high", "low")
    broken = reliability.coverage_by_group(np.where(groups == "high", 1.0, scores[10_000:]), groups, limit)
    assert (broken["high"].share.value, broken["low"].test.p > 0.001) == (0, True)


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda: collinearity.summarise({}), "There is no column"),
        (lambda: collinearity.summarise({"a": [1, None]}), "Column a, row 2: nan is not a finite number"),
        (
            lambda: collinearity.variance_inflation(collinearity.summarise({"a": [1, 2, 3], "b": [2, 4, 6]})),
            "columns a, b one follows exactly",
        ),
        (
            lambda: collinearity.variance_inflation(collinearity.summarise({"a": [1, 1, 1], "b": [2, 4, 6]})),
            "Column a is constant",
        ),
        (lambda: collinearity.condition_number(collinearity.summarise({"a": [0, 0]})), "Column a is zero in every row"),
        (lambda: collinearity.correlations(collinearity.summarise({"a": [1, 2]})), "needs four rows; there are 2"),
        (
            lambda: collinearity.merge(collinearity.summarise({"a": [1]}), collinearity.summarise({"b": [1]})),
            "different columns cannot be merged",
        ),
        (lambda: logistic_coefficients({"a": [0, 1, 2, 3]}, [0, 0, 1, 1]), "separate the outcomes and no fit settles"),
        (lambda: logistic_coefficients({"a": [1, 1]}, [0, 1]), "collinear or constant"),
        (lambda: logistic_coefficients({"a": [1, 2]}, [0, 1], {"b": 1}), "expected signs of b fit no column"),
        (lambda: evidence_order([1], [1]), "two bins or more"),
        (lambda: evidence_order([1, 0], [1, 0]), "A bin is empty"),
        (lambda: dispersion([1, 2], 9), "needs three values or more"),
        (lambda: paired_auc([0, 1], [0, 1], [0, 1]), "two events and two non-events"),
        (lambda: fold_values([0, 1], [0.1, 0.2], [0, 1]), "Fold 0 holds one outcome only; stratify"),
        (lambda: weak_spots({}, [1.0]), "no column to slice by"),
        (lambda: weak_spots({"a": [f"v{i}" for i in range(13)]}, [0.0] * 13), "Column a has 13 categories; group"),
        (lambda: reliability.threshold([0.1] * 5), "5 rows are too few for a coverage of 90%"),
        (lambda: reliability.threshold([0.1] * 5, 1), "The level is 1; give one between"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt()
