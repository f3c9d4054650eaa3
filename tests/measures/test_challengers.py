"""Champion and challenger on the same rows: pairing counts, and unknown outcomes stay unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar

from mrm.measures.challengers import (
    Cost,
    auc_difference,
    brier_difference,
    flip_rate,
    mcnemar,
    ratio_difference,
    swap_set,
)


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=2_000)
    labels = (truth + rng.normal(size=2_000) > 1).astype(np.int64)
    champion = 1 / (1 + np.exp(-(truth + rng.normal(scale=1.0, size=2_000))))
    challenger = 1 / (1 + np.exp(-(truth + rng.normal(scale=0.5, size=2_000))))
    return labels, champion, challenger


def test_differences_are_those_of_the_reference_library(world):
    labels, champion, challenger = world
    found, test = auc_difference(labels, champion, challenger)
    assert found.value == pytest.approx(roc_auc_score(labels, challenger) - roc_auc_score(labels, champion))
    assert found.lower < found.value < found.upper
    assert (found.lower > 0) == (test.p < 0.05)
    brier = brier_difference(labels, champion, challenger)
    assert brier.value == pytest.approx(brier_score_loss(labels, challenger) - brier_score_loss(labels, champion))


def test_the_interval_of_the_difference_is_that_of_the_row_bootstrap(world):
    labels, champion, challenger = (each[:600] for each in world)
    found, _ = auc_difference(labels, champion, challenger)
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(800):
        rows = rng.integers(0, 600, 600)
        drawn.append(roc_auc_score(labels[rows], challenger[rows]) - roc_auc_score(labels[rows], champion[rows]))
    assert (found.upper - found.lower) / 2 / 1.96 == pytest.approx(np.std(drawn), rel=0.12)


def test_equal_models_do_not_differ(world):
    labels, champion, _ = world
    found, test = auc_difference(labels, champion, champion.copy())
    assert (found.value, found.lower, found.upper, test.p) == (0, 0, 0, 1)
    assert flip_rate(champion > 0.5, champion > 0.5).value == 0
    with pytest.raises(ValueError, match="1 events and 2 non-events; at least 2 of each"):
        auc_difference(np.array([1, 0, 0]), np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2, 0.3]))


@pytest.mark.parametrize("size", [60, 2_000])
def test_mcnemar_agrees_with_statsmodels(world, size):
    labels, champion, challenger = (each[:size] for each in world)
    right, other = (champion > 0.5) == labels, (challenger > 0.5) == labels
    table = [[(right & other).sum(), (right & ~other).sum()], [(~right & other).sum(), (~right & ~other).sum()]]
    few = table[0][1] + table[1][0] < 25
    expected = reference_mcnemar(np.array(table), exact=few, correction=False)
    found = mcnemar(right, other)
    assert (found.p, found.method) == (pytest.approx(expected.pvalue), "exact binomial" if few else "chi-square")


def test_the_swap_set_keeps_unknown_outcomes_apart():
    champion = np.array([True, True, True, False, False, False])
    challenger = np.array([True, False, False, True, True, False])
    good = np.array([1.0, 0.0, 1.0, np.nan, 1.0, np.nan])
    found = {each.decided: each for each in swap_set(champion, challenger, good)}
    only = found["favourable by the challenger only"]
    assert (only.n, only.known, only.good, only.rate.value) == (2, 1, 1, 1.0)
    assert found["favourable by the champion only"].rate.value == 0.5
    assert (found["unfavourable by both"].n, found["unfavourable by both"].rate) == (1, None)
    assert sum(each.n for each in found.values()) == 6


def test_the_ratio_moves_by_hand():
    champion = np.array([True] * 4 + [False] * 6 + [True] * 8 + [False] * 2)
    challenger = np.array([True] * 6 + [False] * 4 + [True] * 8 + [False] * 2)
    groups = ["F"] * 10 + ["M"] * 10
    found = ratio_difference(champion, challenger, groups, "F", "M", seed=1)
    assert found.value == pytest.approx(0.6 / 0.8 - 0.4 / 0.8)
    assert found.n == 20
    with pytest.raises(ValueError, match="Nobody is of the group X"):
        ratio_difference(champion, challenger, groups, "X", "M", seed=1)
    with pytest.raises(ValueError, match="Nobody of the reference group M is decided favourably"):
        ratio_difference(champion, champion & (np.array(groups) == "F"), groups, "F", "M", seed=1)


@given(st.integers(0, 2**32 - 1))
def test_exchanging_the_two_turns_every_difference(seed):
    rng = np.random.default_rng(seed)
    labels = np.append(rng.integers(0, 2, 40), [0, 0, 1, 1])
    one, other = rng.random(44).round(1), rng.random(44).round(1)
    assert auc_difference(labels, one, other)[0].value == pytest.approx(-auc_difference(labels, other, one)[0].value)
    assert brier_difference(labels, one, other).value == pytest.approx(-brier_difference(labels, other, one).value)
    assert flip_rate(one > 0.5, other > 0.5).value == flip_rate(other > 0.5, one > 0.5).value


def test_cost_is_told_per_thousand():
    assert Cost(50_000, 2.0, 300.0, 200, 5.0).per_thousand() == (pytest.approx(0.04), pytest.approx(25.0))
    assert Cost(1_000, 2.0, 300.0).per_thousand() == (2.0, None)
