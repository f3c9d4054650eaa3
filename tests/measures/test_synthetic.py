"""The planted bias is found; without it nothing is found."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.fairness import FairnessSettings, fairness
from mrm.measures.synthetic import BIAS, FEATURES, applications
from mrm.measures.tables import Spec, summarise

AIR = {
    "direction": "higher",
    "watch": 0.9,
    "fail": 0.8,
    "significance": 0.05,
    "text": "0.80",
    "source": "screen",
}


def ratios(bias):
    train, _ = applications(8_000, seed=1, bias=bias)
    test, protected = applications(20_000, seed=2, bias=bias)
    names = list(FEATURES)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train[names], train["default"])
    scored = test.assign(score=model.predict_proba(test[names])[:, 1]).merge(protected, on="row_id")
    cutoff = scored["score"].quantile(0.6)
    spec = Spec("default", "score", float(cutoff), "below", ("sex", "age_band", "region"))
    found = fairness(summarise(scored, spec), FairnessSettings(seed=3, draws=1_000), {"air": AIR})
    return {(r.attribute, r.group): r for r in found if r.measure == "air"}


def test_planted_bias_against_women_is_found_and_nothing_else():
    found = ratios(BIAS)
    assert found["sex", "F"].status == "fail"
    assert found["sex", "F"].upper < 0.8
    others = {key: r for key, r in found.items() if key[0] != "sex"}
    assert {r.status for r in others.values()} <= {"pass", "insufficient"}


def test_without_the_bias_nothing_is_found():
    found = ratios(0)
    assert {r.status for r in found.values()} <= {"pass", "insufficient"}
    assert [r.value for (attribute, _), r in found.items() if attribute == "sex"] == pytest.approx([1], abs=0.04)


def test_same_seed_same_applications_and_a_plausible_default_rate():
    (one, people), (two, again) = applications(5_000, 7), applications(5_000, 7)
    assert one.equals(two)
    assert people.equals(again)
    assert 0.08 < one["default"].mean() < 0.16
    assert 0.02 < people["sex"].isna().mean() < 0.06
