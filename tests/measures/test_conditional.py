"""Comparisons within strata and given legitimate factors, against the published case and statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.oaxaca import OaxacaBlinder

from mrm.measures.fairness import MEASURES, FairnessSettings, fairness
from mrm.measures.fairness.conditional import decompose, logistic, marginal_effect
from mrm.measures.fairness.strata import breslow_day, cochran_mantel_haenszel, common_odds_ratio
from mrm.measures.tables import Cell, Spec, Summary
from tests.measures.worlds import found, people, table

# McDonald, Handbook of Biological Statistics, Cochran-Mantel-Haenszel: two by two in four places
HANDBOOK = np.array(
    [[[40, 56], [77, 69]], [[57, 61], [301, 257]], [[71, 73], [79, 65]], [[55, 71], [48, 48]]], dtype=np.int64
)


def test_two_by_two_by_four_of_the_handbook():
    value, _ = common_odds_ratio(HANDBOOK)
    assert value == pytest.approx(0.7590219991, abs=5e-11)
    plain = cochran_mantel_haenszel(HANDBOOK, correction=False)
    corrected = cochran_mantel_haenszel(HANDBOOK, correction=True)
    assert (plain.statistic, plain.p) == pytest.approx((5.320928, 0.021071), abs=5e-7)
    assert (corrected.statistic, corrected.p) == pytest.approx((5.049688, 0.024630), abs=5e-7)
    equal = breslow_day(HANDBOOK)
    assert (equal.statistic, equal.p, equal.degrees_of_freedom) == pytest.approx((0.529486, 0.912367, 3), abs=5e-7)


def test_stratified_tests_agree_with_statsmodels_on_random_tables():
    rng = np.random.default_rng(1)
    for _ in range(20):
        tables = rng.integers(1, 60, (5, 2, 2))
        theirs = StratifiedTable(np.moveaxis(tables, 0, 2).astype(float))
        value, interval = common_odds_ratio(tables)
        assert value == pytest.approx(theirs.oddsratio_pooled)
        assert interval == pytest.approx(theirs.oddsratio_pooled_confint())
        for correction in (True, False):
            expected = theirs.test_null_odds(correction=correction)
            mine = cochran_mantel_haenszel(tables, correction=correction)
            # statsmodels lets the correction carry the difference past nothing
            if correction and expected.statistic < 0.05:
                continue
            assert (mine.statistic, mine.p) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-9)
        expected = theirs.test_equal_odds()
        mine = breslow_day(tables)
        assert (mine.statistic, mine.p) == pytest.approx((expected.statistic, expected.pvalue), abs=1e-8)


def test_strata_that_cannot_tell():
    lonely = np.array([[[3, 4], [0, 0]], [[0, 0], [5, 1]]])
    assert common_odds_ratio(lonely) == (None, (None, None))
    with pytest.raises(ValueError, match="No stratum holds both groups and both decisions"):
        cochran_mantel_haenszel(lonely, correction=True)
    with pytest.raises(ValueError, match="Fewer than two strata"):
        breslow_day(lonely)
    assert breslow_day(np.array([[[5, 5], [5, 5]], [[9, 9], [9, 9]]])).statistic == 0


def test_simpsons_reversal_is_reported():
    """Within each faculty women are admitted more often; over both, less."""
    spec = Spec("y", "s", 0.5, "at_or_above", ("sex",), segments=("faculty",))
    counts = {("F", "hard"): (240, 800), ("M", "hard"): (40, 200), ("F", "easy"): (180, 200), ("M", "easy"): (640, 800)}
    cells = {}
    for who, (favourable, n) in counts.items():
        cells[who, -1, 1], cells[who, -1, 0] = Cell(favourable, 0, 0), Cell(n - favourable, 0, 0)
    results = fairness(Summary(spec, cells), FairnessSettings(references={"sex": "M"}, draws=200))
    assert found(results, "air", "F").value < 0.8
    segmented = found(results, "segmented_air", "F")
    assert segmented.detail["reversed_in_every_segment"] is True
    assert segmented.value == 1.125
    assert found(results, "common_odds_ratio", "F").value > 1.5
    assert found(results, "average_marginal_effect", "F").value > 0
    assert found(results, "explained_gap", "F").value < -0.1
    assert found(results, "unexplained_gap", "F").value == pytest.approx(0.1, abs=0.02)


@pytest.fixture(scope="module")
def decided():
    frame = people(6_000, 11)
    frame["band"] = pd.cut(np.random.default_rng(2).normal(size=len(frame)), [-9, -1, 0, 1, 9], labels=list("pqrs"))
    return frame.assign(approved=(frame["s"] < 0.4).astype(int), band=lambda f: f["band"].astype(str))


@pytest.fixture(scope="module")
def results(decided):
    summary = table(decided, segments=("region", "band"))
    return fairness(summary, FairnessSettings(references={"sex": "M", "race": "a"}, draws=300))


def test_every_measure_of_the_room_is_there(results):
    assert {r.measure for r in results} <= set(MEASURES)
    assert {r.measure for r in results} >= {"common_odds_ratio", "segmented_air", "conditional_odds_ratio",
                                            "average_marginal_effect", "explained_gap", "unexplained_gap"}  # fmt: skip


def test_regression_is_that_of_statsmodels_on_single_rows(decided, results):
    design = pd.get_dummies(decided[["sex", "region", "band"]], dtype=float).drop(
        columns=["sex_M", "region_north", "band_p"]
    )
    fit = sm.Logit(decided["approved"], sm.add_constant(design)).fit(disp=0)
    odds = found(results, "conditional_odds_ratio", "F")
    assert odds.value == pytest.approx(np.exp(fit.params["sex_F"]), rel=1e-8)
    assert (odds.lower, odds.upper) == pytest.approx(tuple(np.exp(fit.conf_int().loc["sex_F"])), rel=1e-6)
    assert odds.detail["p"] == pytest.approx(fit.pvalues["sex_F"], rel=1e-6)
    margins = fit.get_margeff(at="overall", dummy=True).summary_frame().loc["sex_F"]
    effect = found(results, "average_marginal_effect", "F")
    assert effect.value == pytest.approx(margins["dy/dx"], rel=1e-8)
    assert (effect.lower, effect.upper) == pytest.approx(
        (margins["Conf. Int. Low"], margins["Cont. Int. Hi."]), rel=1e-6
    )


def test_decomposition_is_that_of_statsmodels(decided, results):
    pair = decided[decided["race"].isin(["a", "c"])]
    design = pd.get_dummies(pair[["region", "band"]], dtype=float).drop(columns=["region_north", "band_p"])
    design.insert(0, "const", 1.0)
    design["member"] = (pair["race"] == "c").astype(float)
    theirs = OaxacaBlinder(pair["approved"].astype(float), design, "member", hasconst=True, swap=False).three_fold()
    parts = dict(zip(("endowment", "coefficient", "interaction", "gap"), theirs.params, strict=True))
    explained, unexplained = (found(results, f"{name}_gap", "c") for name in ("explained", "unexplained"))
    gap = found(results, "selection_rate_difference", "c").value
    assert explained.value + unexplained.value == pytest.approx(gap)
    # theirs is reference minus group, its endowments valued with the group's coefficients
    assert parts["gap"] == pytest.approx(-gap)
    assert explained.value == pytest.approx(-parts["endowment"] - parts["interaction"], abs=1e-9)
    assert unexplained.value == pytest.approx(-parts["coefficient"], abs=1e-9)
    assert explained.lower < explained.value < explained.upper


def test_a_factor_that_decides_alone_has_no_regression():
    design = np.array([[1.0, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]])
    assert logistic(design, np.array([0, 0, 20, 20]), np.array([20, 20, 20, 20])) is None
    assert logistic(design[:, [0, 1, 1]], np.array([5, 6, 7, 8]), np.array([20, 20, 20, 20])) is None


def test_marginal_effect_without_other_factors_is_the_difference_of_rates():
    design, favourable, n = np.array([[1.0, 0], [1, 1]]), np.array([60, 30]), np.array([100, 80])
    effect = marginal_effect(logistic(design, favourable, n), design, n, 1, [1])
    assert effect.value == pytest.approx(30 / 80 - 60 / 100)
    assert effect.error == pytest.approx((0.375 * 0.625 / 80 + 0.6 * 0.4 / 100) ** 0.5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=8, max_size=8))
def test_parts_of_the_gap_add_up(counts):
    favourable = np.array(counts[:4], dtype=float)
    n = favourable + counts[4:]
    design, member = np.array([[1.0, 0], [1, 1], [1, 0], [1, 1]]), np.array([True, True, False, False])
    parts = decompose(design, favourable, n, member)
    gap = favourable[:2].sum() / n[:2].sum() - favourable[2:].sum() / n[2:].sum()
    assert parts.sum() == pytest.approx(gap)


def test_segment_cells_that_are_small_are_not_shown():
    frame = people(900, 3)
    frame["branch"] = np.where(
        (frame["sex"] == "F") & (frame.index % 80 == 0), "tiny", np.where(frame.index % 2, "x", "z")
    )
    results = fairness(table(frame, attributes=("sex",), segments=("branch",)), FairnessSettings(draws=0))
    women = found(
        results, "segmented_air", "F" if found(results, "selection_rate", "M").detail["is_reference"] else "M"
    )
    assert "tiny" not in {p["segment"] for p in women.detail["points"]}
    assert len(women.detail["points"]) < 2


def test_a_factor_that_decides_alone_gives_insufficient_evidence():
    frame = people(400, 5).assign(known=lambda f: np.where(f["s"] < 0.4, "low", "high"))
    results = fairness(table(frame, attributes=("sex",), segments=("known",)), FairnessSettings(draws=0))
    told = {r.measure: r for r in results if r.measure in ("conditional_odds_ratio", "average_marginal_effect")}
    assert {r.status for r in told.values()} == {"insufficient"}
    assert {r.reason for r in told.values()} == {
        "The regression has no solution: a factor alone decides, or factors say the same."
    }
    (common,) = [r for r in results if r.measure == "common_odds_ratio"]
    assert common.reason == "No stratum holds both groups and both decisions."


def test_levels_that_the_reference_does_not_show_leave_the_gap_whole():
    frame = people(900, 6)
    frame["branch"] = np.where(frame["sex"] == "F", "x", "z")
    results = fairness(table(frame, attributes=("sex",), segments=("branch",)), FairnessSettings(draws=50))
    assert [r.reason for r in results if r.measure == "explained_gap"] == [
        "The reference does not show every level of the factors."
    ]
