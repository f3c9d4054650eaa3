"""Measures that tell a good explanation from a bad one, by models whose truth is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression

from mrm.measures.explanation.dictionary import Dictionary, Reason
from mrm.measures.explanation.reasons import reasons_for
from mrm.measures.explanation.recourse import Action, recourse
from mrm.measures.explanation.segments import gap, prescribed_cases
from mrm.measures.explanation.shape import accumulated_effects, interaction, monotonicity, partial_dependence
from mrm.measures.explanation.shapley import explain
from mrm.measures.explanation.validity import (
    deletion,
    improves,
    permutation_importance,
    rank_agreement,
    same_leaders,
    same_reasons,
    surrogate_fidelity,
)

NAMES = ["a", "b", "c", "d", "e"]
WEIGHTS = np.array([3.0, -2.0, 1.0, 0.5, 0.0])


def linear(matrix):
    return matrix @ WEIGHTS


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(400, 5)), columns=NAMES)


@pytest.fixture(scope="module")
def explained(frame):
    model = LinearRegression().fit(frame, linear(frame.to_numpy()))
    return explain(model, frame[:200], frame[200:], seed=1)


def test_leaders_agree_with_themselves_and_not_with_noise(explained):
    rng = np.random.default_rng(1)
    noise = replace(explained, values=rng.normal(size=explained.values.shape))
    same, other = same_leaders(explained, explained), same_leaders(explained, noise)
    assert (same.value, same.upper) == (1.0, 1.0)
    # four of five are named, so chance agrees in one of five
    assert other.lower < 0.2 < other.upper
    with pytest.raises(ValueError, match="same rows by the same features"):
        same_leaders(explained, replace(explained, feature_names=("x",)))


def test_reasons_agree_only_as_sets():
    words = Dictionary("d", "1", tuple(Reason(name, f"Too much {name}", (name,)) for name in NAMES), most=2)
    values = np.array([[3.0, 2, 1, 0, 0], [1, 2, 3, 0, 0]])
    one = reasons_for(values, NAMES, np.zeros(5), words, adverse=1)
    swapped = reasons_for(values[:, [1, 0, 2, 3, 4]], NAMES, np.zeros(5), words, adverse=1)
    assert same_reasons(one, one).value == 1.0
    assert same_reasons(one, swapped).value == 0.5
    with pytest.raises(ValueError, match="of 2 and of 0 people"):
        same_reasons(one, [])


def test_rank_agreement_is_spearman_with_its_interval(explained):
    one, other = [5.0, 4, 3, 2, 1, 0], [5.0, 3, 4, 2, 0, 1]
    found = rank_agreement(one, other)
    assert found.value == pytest.approx(stats.spearmanr(one, other).statistic)
    assert found.lower < found.value < found.upper <= 1
    assert rank_agreement([1, 2, 3, 4], [2, 4, 6, 8]).lower is None
    with pytest.raises(ValueError, match="no order to compare"):
        rank_agreement([1, 1, 1], [1, 2, 3])


def test_permutation_importance_orders_as_the_weights(frame, explained):
    found = permutation_importance(linear, frame.to_numpy(), seed=2)
    assert list(np.argsort(-found)) == list(np.argsort(-np.abs(WEIGHTS)))
    assert found[4] == pytest.approx(0, abs=1e-12)
    # the mean difference of two standard normal draws is 2 / sqrt(pi)
    assert found[0] == pytest.approx(3 * 2 / np.pi**0.5, rel=0.05)
    again = permutation_importance(linear, frame.to_numpy(), seed=2)
    assert (again == found).all()
    assert rank_agreement(found, np.abs(explained.values).mean(axis=0)).value == pytest.approx(1)


def test_a_line_is_a_perfect_surrogate_of_a_line_and_none_of_a_parabola(frame):
    data = frame.to_numpy()
    straight, curved = (surrogate_fidelity(data, outputs, 3) for outputs in (linear(data), data[:, 0] ** 2))
    assert straight.value == pytest.approx(1)
    assert curved.value < 0.1
    with pytest.raises(ValueError, match="All outputs are equal"):
        surrogate_fidelity(data, np.ones(len(data)), 3)
    with pytest.raises(ValueError, match="needs more than 6 rows; there are 4"):
        surrogate_fidelity(data[:4], linear(data[:4]), 3)


def test_deleting_what_is_named_moves_more_than_chance(frame, explained):
    mean = frame.to_numpy().mean(axis=0)
    leading, chance = deletion(linear, explained, mean, seed=4, count=2)
    assert leading.lower > chance.upper
    nonsense = replace(explained, values=-np.abs(WEIGHTS).max() / (1 + np.abs(explained.values)))
    assert deletion(linear, nonsense, mean, seed=4, count=2)[0].value < chance.value


def test_reasons_that_point_the_wrong_way_are_found(frame, explained):
    words = Dictionary("d", "1", tuple(Reason(name, f"Too much {name}", (name,)) for name in NAMES), most=2)
    mean = frame[:200].to_numpy().mean(axis=0)
    right = reasons_for(explained.values, NAMES, np.zeros(5), words, adverse=1)
    assert improves(linear, explained.data, NAMES, right, mean, adverse=1).value == 1.0
    wrong = reasons_for(-explained.values, NAMES, np.zeros(5), words, adverse=1)
    assert improves(linear, explained.data, NAMES, wrong, mean, adverse=1).value == 0.0
    with pytest.raises(ValueError, match="No reasons were given"):
        improves(linear, explained.data, NAMES, [()], mean, adverse=1)


def test_the_gap_of_two_groups_is_made_of_its_parts(explained):
    groups = ["x" if row[0] > 0 else "y" if row[1] > 0 else None for row in explained.data]
    parts = gap(explained, groups, "x", "y", seed=5)
    outputs = explained.values.sum(axis=1)
    named = np.array([each or "" for each in groups])
    assert sum(each.value for each in parts) == pytest.approx(
        outputs[named == "x"].mean() - outputs[named == "y"].mean()
    )
    assert sum(each.share for each in parts) == pytest.approx(1)
    assert parts[0].feature == "a"
    assert all(each.lower <= each.value <= each.upper for each in parts)
    with pytest.raises(ValueError, match="0 explained rows are of the group z"):
        gap(explained, groups, "z", "y", seed=5)


def test_prescribed_cases_are_the_extremes_and_the_nearest(explained):
    outputs = explained.values.sum(axis=1) + explained.base
    groups = ["x" if row[4] > 0 else "y" for row in explained.data]
    found = prescribed_cases(explained, 0.0, favourable="below", groups=groups)
    assert outputs[found["clear approval"]] == outputs.min()
    assert outputs[found["clear decline"]] == outputs.max()
    assert abs(outputs[found["borderline"]]) == np.abs(outputs).min()
    assert groups[found["pair, first"]] != groups[found["pair, second"]]
    assert set(prescribed_cases(explained, 1e9, favourable="below")) == {"clear approval", "borderline", "outlier"}


def test_dependence_and_accumulated_effects_of_a_line_are_its_slope(frame):
    data = frame.to_numpy()
    for made in (partial_dependence, accumulated_effects):
        curve = made(linear, data, 0)
        assert np.diff(curve.effect) / np.diff(curve.grid) == pytest.approx(np.full(curve.grid.size - 1, 3.0))
    curve = partial_dependence(linear, data, 0)
    assert curve.individual.mean(axis=0) == pytest.approx(curve.effect)


def test_accumulated_effects_do_not_leave_the_data():
    """Two equal features: the product of them is a square along the data, which dependence cannot see."""
    x = np.random.default_rng(3).uniform(-1, 1, 3_000)
    data = np.column_stack([x, x])
    curve = accumulated_effects(lambda m: m[:, 0] * m[:, 1], data, 0, points=41)
    square = (curve.grid**2) / 2
    assert curve.effect - curve.effect.mean() == pytest.approx(square - square.mean(), abs=0.02)
    with pytest.raises(ValueError, match="has one value only"):
        accumulated_effects(lambda m: m[:, 0], np.ones((5, 2)), 0)


def test_interaction_is_none_for_sums_and_all_for_centred_products(frame):
    data = frame.to_numpy()[:150]
    data = data - data.mean(axis=0)
    assert interaction(linear, data, 0, 1) == pytest.approx(0, abs=1e-12)
    data[:, 1] -= data[:, 0] * (data[:, 0] @ data[:, 1]) / (data[:, 0] @ data[:, 0])
    assert interaction(lambda m: m[:, 0] * m[:, 1], data, 0, 1) == pytest.approx(1, abs=1e-9)
    assert interaction(lambda m: m[:, 2], data, 0, 1) == 0.0


def test_monotonicity_counts_the_rows_that_break_it(frame):
    data = frame.to_numpy()
    assert monotonicity(linear, data, 0, 1).value == 0.0
    assert monotonicity(linear, data, 0, -1).value == 1.0
    some = monotonicity(lambda m: np.where(m[:, 1] > 0, m[:, 0], -m[:, 0]), data, 0, 1)
    assert some.value == pytest.approx((data[:, 1] <= 0).mean())


def test_recourse_takes_the_smallest_step_and_only_what_may_be_changed():
    row = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    steps = tuple(np.linspace(-2, 2, 9))
    found = recourse(linear, row, (Action(0, steps, -1), Action(1, steps, 1)), 0.0, favourable="below")
    assert (found.turned, found.changes) == (True, {0: 0.5})
    assert found.output == pytest.approx(-0.5)
    up_only = recourse(linear, row, (Action(0, steps, 1),), 0.0, favourable="below")
    assert (up_only.turned, row[0]) == (False, 1.0)
    both = recourse(linear, row * 2, (Action(2, steps), Action(3, steps)), -3.0, favourable="below")
    assert (both.turned, set(both.changes)) == (False, {2, 3})
    fine = recourse(linear, row, (Action(0, steps),), 0.0, favourable="at_or_above")
    assert (fine.turned, fine.changes) == (True, {})
