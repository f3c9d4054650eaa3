"""Every parity measure against plain NumPy and the reference libraries, on random people."""

import numpy as np
import pandas as pd
import pytest
from fairlearn import metrics as fairlearn
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from mrm.measures.calibration import slope_and_intercept
from mrm.measures.fairness import MEASURES, FairnessSettings, conditional, fairness, strata
from mrm.measures.fairness.calibration import deciles, slopes
from mrm.measures.fairness.rank_order import area
from mrm.measures.fairness.selection import odds_ratio
from mrm.measures.fairness.significance import standard_deviations
from mrm.measures.tables import from_counts
from tests.measures.worlds import found, people, table

FRAME = people(8_000, 4, unknown=0.05)
SETTINGS = FairnessSettings(references={"sex": "M", "race": "a"}, intersections=(("sex", "race"),), draws=300,
                            tiers=(0.2, 0.3, 0.5))  # fmt: skip
KNOWN = FRAME[FRAME["y"].notna()]


@pytest.fixture(scope="module")
def results():
    return fairness(table(FRAME), SETTINGS)


def of(group: str, frame: pd.DataFrame = KNOWN) -> pd.DataFrame:
    return frame[frame["race"] == group]


def test_every_measure_is_there_once_per_group_with_n_method_and_interval_or_the_reason(results):
    within = {*strata.OF_A_GROUP, *conditional.OF_A_GROUP}
    assert {r.measure for r in results} == set(MEASURES) - within
    places = [(r.measure, r.attribute, r.group) for r in results]
    assert len(places) == len(set(places))
    for each in results:
        assert each.n is not None
        assert each.method
        assert each.lower is not None or "no interval" in each.method or each.reason, each
        if each.lower is not None and each.measure not in ("air_sweep", "group_ece"):
            assert each.lower <= each.value <= each.upper, each


def test_error_rates_are_those_of_a_plain_count(results):
    def rate(frame, numerator, denominator):
        return (numerator & denominator)[frame.index].sum() / denominator[frame.index].sum()

    approved, good = KNOWN["s"] < 0.4, KNOWN["y"] == 0
    expected = {
        "tpr_gap": (approved, good), "fpr_gap": (approved, ~good), "fnr_gap": (~approved, good),
        "ppv_gap": (good, approved), "npv_gap": (~good, ~approved), "for_gap": (good, ~approved),
    }  # fmt: skip
    for measure, (numerator, denominator) in expected.items():
        gap = rate(of("c"), numerator, denominator) - rate(of("a"), numerator, denominator)
        assert found(results, measure, "c").value == pytest.approx(gap, abs=1e-12)
    tpr, fpr = found(results, "tpr_gap", "c").value, found(results, "fpr_gap", "c").value
    assert found(results, "equalized_odds_gap", "c").value == max(abs(tpr), abs(fpr))
    assert found(results, "average_odds_gap", "c").value == pytest.approx((tpr + fpr) / 2)


def test_differences_over_all_groups_are_those_of_fairlearn(results):
    truth, decided = (KNOWN["y"] == 0).astype(int), (KNOWN["s"] < 0.4).astype(int)
    everybody = (FRAME["s"] < 0.4).astype(int)
    groups = {"sensitive_features": FRAME["race"]}
    pairs = {
        "demographic_parity_difference": fairlearn.demographic_parity_difference(everybody, everybody, **groups),
        "demographic_parity_ratio": fairlearn.demographic_parity_ratio(everybody, everybody, **groups),
        "equalized_odds_difference": fairlearn.equalized_odds_difference(truth, decided, sensitive_features=KNOWN["race"]),
        "equal_opportunity_difference": fairlearn.equal_opportunity_difference(
            truth, decided, sensitive_features=KNOWN["race"]
        ),
    }  # fmt: skip
    for measure, expected in pairs.items():
        assert found(results, measure, "", "race").value == pytest.approx(expected, abs=1e-12), measure


def test_odds_ratio_is_that_of_the_two_by_two_table(results):
    approved = FRAME["s"] < 0.4
    a, b = (approved[FRAME["race"] == g] for g in ("c", "a"))
    whole = stats.contingency.odds_ratio([[a.sum(), (~a).sum()], [b.sum(), (~b).sum()]], kind="sample")
    result = found(results, "odds_ratio", "c")
    assert result.value == pytest.approx(whole.statistic)
    assert (result.lower, result.upper) == pytest.approx(tuple(whole.confidence_interval(0.95)), rel=1e-6)


def test_standardised_differences_of_scores_and_residuals(results):
    gap = FRAME.loc[FRAME["race"] == "c", "s"].mean() - FRAME.loc[FRAME["race"] == "a", "s"].mean()
    assert found(results, "smd", "c").value == pytest.approx(100 * gap / FRAME["s"].std(ddof=1), rel=1e-7)
    residual = KNOWN["y"].astype(float) - KNOWN["s"]
    gap = residual[of("c").index].mean() - residual[of("a").index].mean()
    assert found(results, "residual_smd", "c").value == pytest.approx(100 * gap / residual.std(ddof=1), rel=1e-6)


def test_areas_are_those_of_scikit_learn_on_binned_scores(results):
    binned = np.floor(KNOWN["s"] * 1000).clip(upper=999)
    bad = (KNOWN["y"] == 1).astype(int)

    def auc(index):
        return roc_auc_score(bad[index], binned[index])

    assert found(results, "auc_gap", "c").value == pytest.approx(auc(of("c").index) - auc(of("a").index), abs=1e-12)
    good = KNOWN["y"] == 0
    ours = auc(KNOWN.index[(good & (KNOWN["race"] == "c")) | (~good & (KNOWN["race"] == "a"))])
    theirs = auc(KNOWN.index[(good & (KNOWN["race"] == "a")) | (~good & (KNOWN["race"] == "c"))])
    assert found(results, "xauc_gap", "c").value == pytest.approx(ours - theirs, abs=1e-12)


def test_area_of_a_worked_case_and_its_edges():
    assert area(np.array([2, 1]), np.array([1, 2])) == pytest.approx((2 / 3, 1 / 12 / 3 + 1 / 12 / 3))
    assert area(np.array([1, 0]), np.array([0, 1])) == (1.0, None)
    assert area(np.array([1, 0]), np.array([0, 0])) is None


def test_slope_within_groups_is_the_recalibration_of_the_binned_score(results):
    rows = of("c")
    middle = (np.floor(rows["s"] * 1000).clip(upper=999) + 0.5) / 1000
    slope, _ = slope_and_intercept(rows["y"].to_numpy(np.int64), middle.to_numpy())
    result = found(results, "group_calibration_slope", "c", "race")
    assert (result.value, result.lower, result.upper) == pytest.approx(
        (slope.value, slope.lower, slope.upper), rel=1e-6
    )
    separated = slopes(np.array([[0, 0, 5, 5]]), np.array([[5, 5, 5, 5]]))
    assert separated == [None]


def test_calibration_error_and_deciles_within_a_group(results):
    result = found(results, "group_ece", "c", "race")
    bins = result.detail["bins"]
    assert len(bins) == 10
    assert sum(b["n"] for b in bins) == result.n == len(of("c"))
    assert result.value == pytest.approx(sum(b["n"] * abs(b["observed"] - b["predicted"]) for b in bins) / result.n)
    gap = result.value - found(results, "group_ece", "a", "race").value
    assert found(results, "ece_gap", "c", "race").value == pytest.approx(gap)
    few = deciles(np.array([[0, 0, 0], [10, 3, 10], [2, 0, 1]]), 11)
    assert few.n.tolist() == [12, 14]


def test_scoring_rate_is_against_the_median_of_everybody():
    """Six people of unknown group hold up the median; ten of twenty A are beyond it, two of twenty B."""
    frame = pd.DataFrame({"s": [0.9] * 10 + [0.1] * 10 + [0.9] * 2 + [0.1] * 18 + [0.2] * 20, "y": 1})
    frame["race"] = ["A"] * 20 + ["B"] * 20 + [None] * 20
    summary = table(frame, favourable="at_or_above", attributes=("race",))
    results = fairness(summary, FairnessSettings(draws=200, conclude_n=10))
    assert found(results, "scoring_rate", "A").value == 0.5
    assert found(results, "scoring_rate", "B").value == 0.1
    ratio = found(results, "scoring_rate_ratio", "B")
    assert (ratio.value, ratio.detail["highest"]) == (0.2, "A")


def test_ratio_at_every_twentieth_of_approval_and_at_every_tier(results):
    sweep = found(results, "air_sweep", "c")
    assert len(sweep.detail["points"]) == 19
    for point in sweep.detail["points"]:
        cut = float(point["step"])
        rates = {g: (FRAME.loc[FRAME["race"] == g, "s"] < cut).mean() for g in "ac"}
        assert point["ratio"] == pytest.approx(rates["c"] / rates["a"], rel=1e-9)
        assert (FRAME["s"] < cut).mean() == pytest.approx(point["at"])
    assert [p["at"] for p in sweep.detail["points"]] == pytest.approx(np.arange(0.05, 1, 0.05), abs=0.003)
    assert sweep.value == min(p["ratio"] for p in sweep.detail["points"])
    tiers = found(results, "categorical_air", "c").detail["points"]
    assert [p["step"] for p in tiers] == ["0.2", "0.3", "0.5"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_the_other_direction_is_the_mirror_image(seed):
    frame = people(600, seed, unknown=0.1)
    chosen = FairnessSettings(references={"sex": "M"}, draws=0, suppress_n=0)
    low, high = (
        fairness(table(frame, favourable=side, attributes=("sex",)), chosen) for side in ("below", "at_or_above")
    )

    def both(measure):
        return found(low, measure, "F").value, found(high, measure, "F").value

    def mirrored(first, second, sign=-1):
        assert both(first)[0] == pytest.approx(sign * both(second)[1], abs=1e-12)

    for measure in ("selection_rate_difference", "average_odds_gap", "xauc_gap", "shortfall"):
        mirrored(measure, measure)
    for first, second in (
        ("tpr_gap", "fpr_gap"),
        ("fpr_gap", "tpr_gap"),
        ("ppv_gap", "npv_gap"),
        ("npv_gap", "ppv_gap"),
    ):
        mirrored(first, second, sign=1 if first[0] in "pn" else -1)
    for measure in ("equalized_odds_gap", "auc_gap", "smd", "residual_smd", "ece_gap", "accuracy_gap"):
        mirrored(measure, measure, sign=1)
    one, other = both("odds_ratio")
    assert one * other == pytest.approx(1)
    assert found(low, "selection_rate", "F").value + found(high, "selection_rate", "F").value == pytest.approx(1)


def test_without_draws_every_ratio_says_that_it_has_no_interval():
    results = fairness(table(FRAME), FairnessSettings(draws=0))
    ratio = found(results, "air", "c")
    assert (ratio.lower, ratio.method) == (
        None,
        "ratio of selection rates; no interval: the bootstrap was switched off",
    )


def test_p_values_are_adjusted_over_groups_and_measures(results):
    tested = [r for r in results if r.group and r.detail.get("p") is not None]
    assert {r.measure for r in tested} >= {"air", "tpr_gap", "smd", "residual_smd", "auc_gap", "xauc_gap"}
    assert {r.detail["compared"] for r in tested} == {len(tested)}
    expected = stats.false_discovery_control([r.detail["p"] for r in tested], method="bh")
    assert [r.detail["p_adjusted"] for r in tested] == pytest.approx(list(expected))


def test_two_standard_deviations():
    assert standard_deviations((375, 1_000), (500, 1_000)) == pytest.approx(-5.634, abs=5e-4)
    assert standard_deviations((5, 5), (7, 7)) is None
    results = fairness(from_counts("g", {"a": (375, 1_000), "b": (500, 1_000)}), FairnessSettings(draws=0))
    assert found(results, "air", "a").detail["beyond_two_standard_deviations"] is True


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"sweep_step": 0}, "The step between approval rates lies between 0 and 1"),
        ({"conclude_n": -1}, "Minimum sizes and the number of draws cannot be negative"),
        ({"exclude_share": 2}, "The share below which a group is excluded lies between 0 and 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        FairnessSettings(**changed)


def test_a_tier_outside_the_scores_is_refused():
    with pytest.raises(ValueError, match=r"The tier 600 does not lie between 0 and 1"):
        fairness(table(FRAME), FairnessSettings(draws=0, tiers=(600,)))


def test_draws_shrink_before_memory_does():
    """Ten thousand draws of six kinds of people in 500 groups would need a quarter of a gigabyte."""
    many = from_counts("g", {f"{i:04d}": (30 + i % 7, 60) for i in range(500)})
    results = fairness(many, FairnessSettings(exclude_share=0.0))
    assert found(results, "air", "0000").method.endswith("6,666 draws")


def test_odds_without_a_count_have_no_interval_and_no_value():
    assert odds_ratio((5, 5), (3, 6)) == (None, (None, None))
    assert odds_ratio((0, 5), (3, 6)) == (0.0, (None, None))


def test_a_single_case_and_equal_scores_say_why_they_tell_nothing():
    frame = pd.DataFrame({"s": [0.3] * 80, "sex": ["F"] * 40 + ["M"] * 40, "y": [1] + [0] * 39 + [0, 1] * 20})
    results = fairness(table(frame, attributes=("sex",)), FairnessSettings(references={"sex": "M"}, draws=0))
    assert found(results, "auc_gap", "F").method.endswith("no interval: a single case on one side")
    smd = found(results, "smd", "F")
    assert (smd.status, smd.reason) == ("not_applicable", "All scores are equal.")
    slope = found(results, "group_calibration_slope", "M")
    assert slope.reason == "The recalibration has no solution: the score separates the outcomes."
