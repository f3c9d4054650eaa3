"""The search for a less discriminatory alternative on applications with a planted bias."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from mrm.measures.fairness import FairnessSettings
from mrm.measures.fairness.candidates import Sample, Space, reweighing
from mrm.measures.fairness.search import Rules, choose, pareto, search
from mrm.measures.synthetic import FEATURES, applications

SPACE = Space(
    drops=(("bureau_score",), ("utilisation", "income")), grid={"C": [0.001, 1.0]}, reweigh=("sex",),
    cutoffs=(0.05, 0.2), reductions=4, reduced="sex",
)  # fmt: skip
RULES = Rules(0.12, "below", {"auc": 0.02, "approval_rate": 0.05}, settings=FairnessSettings(references={"sex": "M"}))


def fit(features, labels, weights, parameters):
    scaler = StandardScaler().fit(features)
    model = LogisticRegression(**parameters).fit(scaler.transform(features), labels, sample_weight=weights)
    return lambda rows: model.predict_proba(scaler.transform(rows))[:, 1]


def sample(n, seed):
    features, protected = applications(n, seed=seed)
    sex = protected["sex"].astype(object).where(protected["sex"].notna(), None).to_numpy()
    return Sample(features[list(FEATURES)], features["default"].to_numpy(np.int64), {"sex": sex})


@pytest.fixture(scope="module")
def found():
    told = []
    out = search(
        fit, sample(4_000, 1), sample(4_000, 2), SPACE, RULES, confirm=sample(3_000, 3), seed=7, progress=told.append
    )
    assert told[-1] == len(out.candidates)
    return out


def test_everything_that_was_tried_is_kept_with_its_reason(found):
    kinds = [each.kind for each in found.candidates]
    assert kinds[:8] == ["baseline", "feature drop", "feature drop", "parameters", "parameters", "re-weighting",
                         "cut-off", "cut-off"]  # fmt: skip
    assert set(kinds[8:]) <= {"reduction", "not fitted"}
    assert "reduction" in kinds
    assert [each.number for each in found.candidates] == list(range(len(kinds)))
    assert all(each.reason for each in found.candidates)
    assert sum(each.chosen for each in found.candidates) == 1


def test_the_one_chosen_is_the_least_discriminatory_within_tolerance(found):
    within = [each for each in found.candidates if each.within]
    chosen = found.candidates[found.chosen]
    assert chosen.lowest == max(each.lowest for each in within)
    baseline = found.candidates[0]
    assert chosen.lowest > baseline.lowest
    assert baseline.performance["auc"].value - chosen.performance["auc"].value <= 0.02
    assert found.reason.startswith("The highest lowest ratio within the tolerances")


def test_without_the_biased_feature_the_auc_falls_too_far(found):
    dropped = found.candidates[1]
    assert dropped.said == "Without bureau_score."
    assert "bureau_score" not in dropped.features
    assert not dropped.within
    assert dropped.reason.startswith("The auc falls by 0.")
    assert dropped.reason.endswith("more than the 0.02 set before the search.")


def test_candidates_approve_about_as_many_as_the_baseline(found):
    baseline = found.candidates[0].performance["approval_rate"].value
    for each in found.candidates:
        if each.performance and each.kind != "cut-off":
            assert each.performance["approval_rate"].value == pytest.approx(baseline, abs=0.03)
    assert "approval rate changes by" in found.candidates[6].reason


def test_front_has_no_candidate_that_another_beats(found):
    front = [each for each in found.candidates if each.on_front]
    points = [(each.performance["auc"].value, each.lowest) for each in found.candidates if each.lowest]
    assert front
    for each in front:
        mine = (each.performance["auc"].value, each.lowest)
        assert not any(a >= mine[0] and b >= mine[1] and (a, b) != mine for a, b in points)


def test_figures_have_rows_and_intervals(found):
    for each in found.candidates:
        for figure in (*each.performance.values(), *each.ratios.values()):
            assert figure.n > 0
            assert figure.lower <= figure.value <= figure.upper


def test_the_chosen_one_is_judged_again_on_rows_it_has_not_seen(found):
    again = found.confirmed
    assert again.said == found.candidates[found.chosen].said
    assert again.performance["auc"].n == 3_000
    assert again.lowest != found.candidates[found.chosen].lowest


def test_what_was_set_before_is_part_of_the_answer(found):
    assert found.rules["tolerances"] == {"auc": 0.02, "approval_rate": 0.05}
    assert (found.rules["primary"], len(found.rules_digest), found.seed) == ("auc", 64, 7)
    assert json.loads(json.dumps(found.as_dict()))["chosen"] == found.chosen


def test_same_data_same_search(found):
    again = search(fit, sample(4_000, 1), sample(4_000, 2), SPACE, RULES, confirm=sample(3_000, 3), seed=7)
    assert again.as_dict() == found.as_dict()


def test_another_choice_needs_a_reason(found):
    other = choose(found, 0, "The alternative needs data that lapses in spring.")
    assert (other.chosen, other.candidates[0].chosen) == (0, True)
    assert other.candidates[found.chosen].chosen is False
    assert other.reason == "The alternative needs data that lapses in spring."
    with pytest.raises(ValueError, match="needs a reason"):
        choose(found, 0, " ")
    with pytest.raises(ValueError, match="There is no candidate 99"):
        choose(found, 99, "x")


def test_without_an_alternative_the_baseline_stands():
    out = search(fit, sample(2_000, 1), sample(2_000, 2), Space(drops=(("bureau_score",),)), RULES)
    assert (out.chosen, out.reason) == (0, "No candidate within the tolerances has a higher ratio.")


def test_performance_of_decisions_by_hand():
    frame = pd.DataFrame({"x": [0.1, 0.2, 0.3, 0.6, 0.7, 0.8]})
    labels = np.array([0, 0, 1, 0, 1, 1])
    judged = Sample(frame, labels, {})
    rules = Rules(0.5, "below", {"profit": 0.0, "balanced_accuracy": 0.0}, profit=2.0, loss=3.0)
    out = search(lambda *_: lambda rows: rows["x"].to_numpy(), judged, judged, Space(), rules)
    figures = out.candidates[0].performance
    assert figures["profit"].value == pytest.approx((2 + 2 - 3) / 6)
    assert figures["balanced_accuracy"].value == pytest.approx(2 / 3)


def test_reweighing_makes_outcome_and_group_independent():
    rng = np.random.default_rng(1)
    groups = rng.choice(["F", "M", None], 500).astype(object)
    labels = (rng.random(500) < np.where(groups == "F", 0.6, 0.3)).astype(np.int64)
    weights = reweighing(labels, groups)
    rates = [np.average(labels[groups == g], weights=weights[groups == g]) for g in "FM"]
    assert rates[0] == pytest.approx(rates[1])
    assert set(weights[[each is None for each in groups]]) == {1.0}


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_every_point_off_the_front_is_beaten_by_one_on_it(points):
    front = [point for point, leads in zip(points, pareto(points), strict=True) if leads]
    assert front
    for a, b in points:
        assert (a, b) in front or any(x >= a and y >= b and (x, y) != (a, b) for x, y in front)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"tolerances": {}}, "A tolerance is set for one or more of auc"),
        ({"tolerances": {"auc": -1}}, "A tolerance is 0 or more"),
        ({"favourable": "up"}, "The favourable side"),
        ({"hold": "it"}, "Candidates are held at"),
    ],
)
def test_rules_that_make_no_sense(changed, sentence):
    with pytest.raises(ValueError, match=sentence):
        Rules(**{"cutoff": 0.5, "favourable": "below", "tolerances": {"auc": 0.1}, **changed})


@pytest.mark.parametrize(
    ("space", "sentence"),
    [
        (Space(drops=(("shoe",),)), "There is no feature shoe to leave out"),
        (Space(reweigh=("age",)), "no attribute 'age'"),
    ],
)
def test_spaces_that_name_what_there_is_not(space, sentence):
    with pytest.raises(ValueError, match=sentence):
        search(fit, sample(300, 1), sample(300, 2), space, RULES)


def test_samples_that_do_not_fit():
    with pytest.raises(ValueError, match="labels has 1 rows, the features 2"):
        Sample(pd.DataFrame({"x": [1, 2]}), np.array([1]), {})
    with pytest.raises(ValueError, match="both occur"):
        Sample(pd.DataFrame({"x": [1, 2]}), np.array([1, 1]), {})


def test_a_model_that_gives_no_numbers_is_kept_as_not_fitted():
    broken = Space(grid={"C": [-1.0]})
    out = search(fit, sample(500, 1), sample(500, 2), broken, RULES)
    assert out.candidates[1].kind == "not fitted"
    assert "With C -1.0. It could not be fitted" in out.candidates[1].reason
