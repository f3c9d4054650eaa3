"""Groups as probabilities, ranked lists, more than two classes, insurance."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mrm.measures.fairness import FairnessSettings
from mrm.measures.fairness.classes import one_against_rest, ordered_ratios
from mrm.measures.fairness.insurance import Insured, insurance, poisson_interval
from mrm.measures.fairness.membership import merge, summarise, surname_and_place, weighted
from mrm.measures.fairness.ranking import exposure, ndkl, ranking
from tests.measures.worlds import found

SETTINGS = FairnessSettings(draws=0)
AIR = {"weighted_air": {"direction": "higher", "fail": 0.8, "pack": "p"}}


def test_surname_and_place_multiply():
    """Two people, two groups: p(group | surname) (0.6, 0.4), p(place | group) (0.001, 0.003)."""
    given_surname = np.array([[0.6, 0.4], [0.0, 1.0]])
    found_ = surname_and_place(given_surname, np.array([[0.001, 0.003], [0.002, 0.0]]))
    assert found_[0] == pytest.approx([1 / 3, 2 / 3])
    assert np.isnan(found_[1]).all()
    named = surname_and_place(given_surname[:1], np.array([[0.001, 0.003]]), np.array([[0.02, 0.01]]))
    assert named[0] == pytest.approx([0.5, 0.5])
    with pytest.raises(ValueError, match="cannot be negative"):
        surname_and_place(given_surname, -given_surname)
    with pytest.raises(ValueError, match="one row per person and one column per group"):
        surname_and_place(given_surname, given_surname[:1])


def crowd(n, seed, sure=False):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet([2, 1, 0.5], n)
    if sure:
        weights = np.eye(3)[rng.integers(0, 3, n)]
    return weights, rng.random(n) < 0.5, rng.integers(-1, 2, n)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000), st.integers(1, 40), st.integers(1, 40))
def test_memberships_of_parts_add_up(seed, first, second):
    weights, favourable, right = crowd(first + second, seed)
    parts = [summarise("race", tuple("abc"), w, f, r) for w, f, r in zip(
        np.split(weights, [first]), np.split(favourable, [first]), np.split(right, [first]), strict=True)]  # fmt: skip
    whole = summarise("race", tuple("abc"), weights, favourable, right)
    for each in (merge(*parts), merge(*reversed(parts))):
        assert each.n == whole.n
        for place, sums in whole.sums.items():
            assert each.sums[place].tolist() == sums.tolist()
            assert each.products[place].tolist() == whole.products[place].tolist()


def test_rates_use_the_weights_and_not_the_most_probable_group():
    weights, favourable, right = crowd(5_000, 1)
    results = weighted(summarise("race", tuple("abc"), weights, favourable, right), "a", SETTINGS, AIR)
    rate = weights.T @ favourable / weights.sum(axis=0)
    assert found(results, "weighted_selection_rate", "b").value == pytest.approx(rate[1], abs=1e-6)
    air = found(results, "weighted_air", "b")
    assert (air.value, air.status) == (pytest.approx(rate[1] / rate[0], abs=1e-6), "pass")
    assert air.detail["effective_n"] == pytest.approx(weights[:, 1].sum() ** 2 / (weights[:, 1] ** 2).sum(), rel=1e-5)
    good = right == 1
    tpr = weights[good].T @ favourable[good] / weights[good].sum(axis=0)
    assert found(results, "weighted_tpr_gap", "c").value == pytest.approx(tpr[2] - tpr[0], abs=1e-6)


def test_certain_membership_is_the_ordinary_ratio():
    weights, favourable, right = crowd(4_000, 2, sure=True)
    air = found(
        weighted(summarise("race", tuple("abc"), weights, favourable, right), "a", SETTINGS), "weighted_air", "b"
    )
    (a, n), (b, m) = ((int(favourable[weights[:, i] == 1].sum()), int(weights[:, i].sum())) for i in (1, 0))
    half = 1.959964 * math.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
    assert air.n == n
    assert (air.lower, air.upper) == pytest.approx(
        (a * m / (n * b) * math.exp(-half), a * m / (n * b) * math.exp(half))
    )


def test_interval_of_a_weighted_ratio_holds_the_bootstraps():
    weights, favourable, right = crowd(1_500, 3)
    air = found(
        weighted(summarise("race", tuple("abc"), weights, favourable, right), "a", SETTINGS), "weighted_air", "c"
    )
    rng = np.random.default_rng(4)
    samples = []
    for _ in range(1_000):
        rows = rng.integers(0, 1_500, 1_500)
        rate = weights[rows].T @ favourable[rows] / weights[rows].sum(axis=0)
        samples.append(rate[2] / rate[0])
    assert (air.lower, air.upper) == pytest.approx(tuple(np.quantile(samples, [0.025, 0.975])), abs=0.03)


def test_memberships_that_cannot_be():
    one, yes, right = np.array([[0.7, 0.6]]), np.array([True]), np.array([1])
    with pytest.raises(ValueError, match="The probabilities of 1 rows are negative or add up to more than 1"):
        summarise("race", ("a", "b"), one, yes, right)
    with pytest.raises(ValueError, match="2 groups are needed"):
        summarise("race", ("a", "b"), one[:, :1], yes, right)
    small = summarise("race", ("a", "b"), np.array([[0.5, 0.5]] * 12), np.array([True] * 12), np.ones(12, dtype=int))
    with pytest.raises(ValueError, match="z is none of a, b"):
        weighted(small, "z", SETTINGS)
    assert found(weighted(small, "a", SETTINGS), "weighted_air", "b").status == "insufficient"
    with pytest.raises(ValueError, match="different groups cannot be merged"):
        merge(small, summarise("race", ("a", "c"), np.array([[0.5, 0.5]]), yes, right))


def test_ranked_list_by_hand():
    """Places 1 and 3 are of b, 2 and 4 of a."""
    assert exposure(np.array([1, 3])).tolist() == [1.0, 0.5]
    member = np.array([[False, True], [True, False], [False, True], [True, False]])
    weights = 1 / np.log2(np.arange(2, 6))
    third = 1 / 3 * math.log(2 / 3) + 2 / 3 * math.log(4 / 3)
    assert ndkl(member) == pytest.approx((weights[0] * math.log(2) + weights[2] * third) / weights.sum())
    loose = FairnessSettings(suppress_n=0, conclude_n=1)
    results = ranking(["b", "a", "b", "a", None], "g", "a", (2,), loose)
    ours, theirs = 1 + 0.5, 1 / math.log2(3) + 1 / math.log2(5)
    assert found(results, "exposure_ratio", "b").value == pytest.approx(ours / theirs)
    assert found(results, "skew_at_k", "b").value == pytest.approx(math.log(0.5 / 0.4))
    assert found(results, "top_k_ratio", "b").value == 1.0


def test_a_list_in_blocks_diverges_and_small_groups_are_withheld():
    blocks = ["a"] * 60 + ["b"] * 60 + ["c"] * 4 + [None] * 20
    results = ranking(blocks, "g", "a", (40,), SETTINGS)
    assert found(results, "ndkl").detail["p"] < 0.01
    assert found(results, "top_k_ratio", "b").value == 0.0
    assert found(results, "skew_at_k", "b").reason.startswith("Nobody of the group is in the top 40")
    assert found(results, "exposure_ratio", "c").n is None
    with pytest.raises(ValueError, match="A top has between 1 and 144 places"):
        ranking(blocks, "g", "a", (200,), SETTINGS)
    with pytest.raises(ValueError, match="has nobody in the list"):
        ranking(blocks, "g", "z", (2,), SETTINGS)


CLASSES = {("F", "A", "A"): 30, ("F", "A", "B"): 20, ("F", "B", "B"): 30, ("F", None, "C"): 20,
           ("M", "A", "A"): 60, ("M", "B", "A"): 10, ("M", "B", "B"): 20, ("M", "C", "C"): 10, (None, "A", "A"): 15}  # fmt: skip


def test_every_class_against_the_rest():
    results = one_against_rest("sex", CLASSES, FairnessSettings(references={"sex": "M"}, draws=0))
    assert set(results) == set("ABC")
    assert found(results["A"], "air", "F").value == pytest.approx(0.3 / 0.7)
    assert found(results["A"], "tpr_gap", "F").value == pytest.approx(30 / 50 - 1)
    assert found(results["B"], "selection_rate", "F").value == 0.5
    assert found(results["B"], "air", "F").detail["class"] == "B"


def test_ordered_classes_from_the_best_down():
    ratios = ordered_ratios("sex", CLASSES, ("A", "B", "C"), SETTINGS)
    assert [point["ratio"] for point in ratios["F"]] == pytest.approx([0.3 / 0.7, 0.8 / 0.9])
    with pytest.raises(ValueError, match="The class C has no place in the order A, B"):
        ordered_ratios("sex", CLASSES, ("A", "B"), SETTINGS)


def test_insurance_by_group():
    groups = {
        "x": Insured(200, 60, 100, 100, 50_000, 27_000_000, 30, 20, 60_000, 400_000_000, 50_000),
        "y": Insured(400, 80, 300, 300, 120_000, 50_000_000, 60, 60, 150_000, 900_000_000, 150_000),
        "z": Insured(5, 5, 5, 5, 100, 3_000, 1, 1, 100, 10_000, 100),
        "w": Insured(40, 8, 40, 40, 16_000, 7_000_000, 8, 8, 20_000, 90_000_000, 20_000),
    }
    results = insurance("race", groups, "y", SETTINGS)
    claims = found(results, "claims_to_expected", "x")
    assert claims.value == 1.5
    assert (claims.lower, claims.upper) == pytest.approx(
        (stats.chi2.ppf(0.025, 60) / 40, stats.chi2.ppf(0.975, 62) / 40)
    )
    assert found(results, "amount_to_expected", "x").value == 1.2
    assert found(results, "expected_ratio", "x").value == 1.5
    assert found(results, "premium_ratio", "x").value == pytest.approx(500 / 400)
    assert found(results, "denial_rate_gap", "x").value == pytest.approx(0.1)
    assert found(results, "denial_rate_gap", "z").n is None
    assert found(results, "denial_rate_gap", "w").reason.startswith("Withheld: with it, a group that is too small")
    assert groups["x"] + groups["y"] == Insured(
        600, 140, 400, 400, 170_000, 77_000_000, 90, 80, 210_000, 1_300_000_000, 200_000
    )
    assert poisson_interval(0) == pytest.approx((0, 3.6889), abs=1e-4)
    with pytest.raises(ValueError, match="v is none of w, x, y, z"):
        insurance("race", groups, "v", SETTINGS)
