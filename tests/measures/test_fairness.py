"""Bias measures against published cases and fairlearn."""

import fairlearn.metrics
import numpy as np
import pandas as pd
import pytest

from mrm.measures.crosscheck import Disagreement, crosscheck
from mrm.measures.fairness import FairnessSettings, fairness
from mrm.measures.groups import by_group
from mrm.measures.intervals import homogeneity
from mrm.measures.tables import Cell, Spec, Summary, from_counts, summarise

EVERYONE = FairnessSettings(suppress_n=0, draws=500)
AIR = {
    "direction": "higher",
    "watch": 0.9,
    "fail": 0.8,
    "text": "watch < 0.90, fail < 0.80",
    "pack": "screen",
}


def found(results, measure, group):
    (one,) = [r for r in results if r.measure == measure and r.group == group]
    return one


def outcomes(frame: pd.DataFrame, label: str, attribute: str) -> Summary:
    """A table in which the outcome itself is the decision."""
    batch = frame.assign(score=frame[label].astype(float))
    return summarise(batch, Spec(label, "score", 0.5, "at_or_above", (attribute,)))


def against(summary: Summary, attribute: str, group: str, reference: str) -> tuple[float, float]:
    settings = FairnessSettings(references={attribute: reference}, draws=200)
    results = fairness(summary, settings)
    difference = found(results, "selection_rate_difference", group)
    return difference.value, found(results, "air", group).value


def test_adult_sex(adult):
    assert adult["high"].mean() == pytest.approx(0.239282, abs=5e-7)
    assert against(outcomes(adult, "high", "sex"), "sex", "Female", "Male") == pytest.approx(
        (-0.194516, 0.359655), abs=5e-7
    )


def test_adult_race(adult):
    frame = adult.assign(white=np.where(adult["race"] == "White", "White", "Other"))
    assert against(outcomes(frame, "high", "white"), "white", "Other", "White") == pytest.approx(
        (-0.101445, 0.600592), abs=5e-7
    )


def test_adult_complete_rows(adult):
    complete = adult[~(adult == "?").any(axis=1)]
    assert len(complete) == 45_222
    assert against(outcomes(complete, "high", "sex"), "sex", "Female", "Male") == pytest.approx(
        (-0.198901, 0.363470), abs=5e-7
    )


def test_adult_train_split(adult):
    results = fairness(outcomes(adult[:32_561], "high", "sex"), FairnessSettings(draws=200))
    assert found(results, "selection_rate", "Female").value == pytest.approx(0.109461, abs=5e-7)
    assert found(results, "selection_rate", "Male").value == pytest.approx(0.305737, abs=5e-7)
    assert found(results, "air", "Female").value == pytest.approx(0.358023, abs=5e-7)


@pytest.mark.parametrize(
    ("older", "expected", "young"), [(25, (-0.149448, 0.794826), 190), (24, (-0.128550, 0.821248), 149)]
)
def test_german_age_boundary_matters(german, older, expected, young):
    frame = german.assign(band=np.where(german["age"] > older, "older", "young"))
    assert (frame["band"] == "young").sum() == young
    assert against(outcomes(frame, "good", "band"), "band", "young", "older") == pytest.approx(expected, abs=5e-7)


def test_german_sex(german):
    results = fairness(outcomes(german, "good", "sex"), FairnessSettings(draws=200))
    assert found(results, "selection_rate", "F").value == pytest.approx(0.648387, abs=5e-7)
    assert found(results, "selection_rate", "M").value == pytest.approx(0.723188, abs=5e-7)
    assert found(results, "air", "F").value == pytest.approx(0.896567, abs=5e-7)


def test_nyc_rule_text_example():
    sex = fairness(from_counts("sex", {"Male": (50, 92), "Female": (34, 76)}), EVERYONE)
    assert round(found(sex, "air", "Female").value, 2) == 0.82
    race = fairness(
        from_counts(
            "race",
            {
                "Hispanic or Latino": (18, 28),
                "White": (15, 40),
                "Black": (16, 32),
                "Native Hawaiian or Pacific Islander": (5, 8),
                "Asian": (10, 24),
            },
        ),
        EVERYONE,
        {"air": AIR},
    )
    expected = {"White": 0.58, "Black": 0.78, "Native Hawaiian or Pacific Islander": 0.97, "Asian": 0.65}
    assert {g: round(found(race, "air", g).value, 2) for g in expected} == expected
    small = found(race, "air", "Native Hawaiian or Pacific Islander")
    assert (small.status, small.reason) == ("insufficient", "8 people, 30 needed.")


def test_four_fifths_of_four_equal_groups():
    selected = {"a": 250, "b": 270, "c": 240, "d": 260}
    results = fairness(from_counts("group", {g: (k, 1_000) for g, k in selected.items()}), EVERYONE)
    assert found(results, "air", "c").value == pytest.approx(0.8889, abs=5e-5)
    assert homogeneity(list(selected.values()), [1_000] * 4)[2] == pytest.approx(0.4519, abs=5e-5)
    assert found(results, "selection_rate_homogeneity", "").detail["p"] == pytest.approx(0.4519, abs=5e-5)


def test_exactly_four_fifths_is_watched_not_failed():
    results = fairness(from_counts("g", {"a": (56, 100), "b": (70, 100)}), EVERYONE, {"air": AIR})
    assert (
        found(results, "air", "a").value,
        found(results, "air", "a").status,
    ) == (
        0.8,
        "watch",
    )


def test_a_group_with_too_few_people_or_decisions_is_never_a_pass():
    counts = {
        "ref": (600, 1_000),
        "small": (25, 29),
        "refused": (4, 400),
        "approved": (396, 400),
        "fine": (240, 400),
    }
    results = fairness(
        from_counts("g", counts),
        FairnessSettings(references={"g": "ref"}, draws=200),
        {"air": AIR},
    )
    status = {g: found(results, "air", g).status for g in counts if g != "ref"}
    assert status == {
        "small": "insufficient",
        "refused": "insufficient",
        "approved": "insufficient",
        "fine": "pass",
    }


def test_tiny_groups_give_out_no_numbers():
    results = fairness(from_counts("g", {"ref": (600, 1_000), "tiny": (7, 10)}), FairnessSettings(draws=200))
    tiny = [r for r in results if r.group == "tiny"]
    assert {(r.value, r.lower, r.upper, r.n, r.status) for r in tiny} == {(None, None, None, None, "insufficient")}


def test_unknown_people_are_counted_apart_and_in_no_group():
    frame = pd.DataFrame({"sex": ["F"] * 40 + ["M"] * 40 + [None] * 20 + [" "] * 5, "y": [1, 0] * 52 + [1]})
    frame["s"] = frame["y"].astype(float)
    results = fairness(summarise(frame, Spec("y", "s", 0.5, "at_or_above", ("sex",))), FairnessSettings(draws=100))
    rates = {r.group: r.n for r in results if r.measure == "selection_rate"}
    assert rates == {"F": 40, "M": 40, "Not provided": 25}
    assert [r.group for r in results if r.measure == "air"] == ["M"]


def test_a_group_under_two_percent_is_no_reference_but_is_listed():
    counts = from_counts("g", {"large": (500, 1_000), "rare": (14, 15)})
    results = fairness(counts, FairnessSettings(exclude_from_ratio=True, draws=200))
    rare = found(results, "air", "rare")
    assert (rare.reference, rare.status, rare.value) == ("large", "not_applicable", None)
    assert found(results, "selection_rate", "rare").n == 15


def test_fail_needs_significance_where_the_pack_says_so():
    limits = {"air": {**AIR, "significance": 0.05}}
    weak = fairness(from_counts("g", {"a": (15, 40), "b": (20, 40)}), EVERYONE, limits)
    strong = fairness(from_counts("g", {"a": (375, 1_000), "b": (500, 1_000)}), EVERYONE, limits)
    assert found(weak, "air", "a").status == "watch"
    assert found(strong, "air", "a").status == "fail"


def test_favourable_below_counts_approvals_of_good_payers():
    """Six applicants: event 1 is default, approved when the score is below one half."""
    frame = pd.DataFrame({"y": [0, 0, 0, 1, 1, 0], "s": [0.1, 0.2, 0.9, 0.3, 0.8, 0.5], "g": ["x"] * 6})
    (group,) = by_group(summarise(frame, Spec("y", "s", 0.5, "below", ("g",))), ("g",)).known
    assert (group.favourable, group.good, group.good_favourable, group.bad, group.bad_favourable) == (
        3,
        4,
        2,
        2,
        1,
    )


def test_fairlearn_user_guide_eighteen_rows():
    y = [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    p = [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0]
    frame = pd.DataFrame({"y": y, "s": np.array(p, float), "all": "everyone"})
    summary = summarise(frame, Spec("y", "s", 0.5, "at_or_above", ("all",)))
    (group,) = by_group(summary, ("all",)).known
    rates = (group.true_positive_rate, group.false_positive_rate, group.selection_rate)
    assert rates == pytest.approx((0.5, 0.666667, 0.555556), abs=5e-7)


def test_fairlearn_agrees_on_every_rate():
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "y": rng.choice([0.0, 1.0, np.nan], 4_000, p=[0.7, 0.2, 0.1]),
            "s": rng.random(4_000),
            "sex": rng.choice(["F", "M", ""], 4_000),
            "age": rng.choice(["18-24", "25-61", "62+"], 4_000),
        }
    )
    summary = summarise(frame, Spec("y", "s", 0.3, "below", ("sex", "age")))
    checked = crosscheck(summary, [("sex", "age")])
    assert checked.max_difference <= 1e-9
    assert checked.measures == (
        "selection_rate", "true_positive_rate", "false_positive_rate", "true_negative_rate", "false_negative_rate",
        "precision", "negative_predictive_value", "accuracy", "demographic_parity_difference",
        "demographic_parity_ratio", "equal_opportunity_difference", "equalized_odds_difference", "mean_score", "count",
    )  # fmt: skip
    assert checked.compared == (2 + 3 + 6) * 10 + 3 * 4


def test_fairlearn_agrees_where_rates_have_no_denominator_and_where_nothing_is_known():
    none_bad = from_counts("g", {"a": (5, 10), "b": (0, 4)})
    assert crosscheck(none_bad).measures == (
        "selection_rate",
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "count",
    )
    cells = {(("a",), 1, 1): Cell(3, 0, 0), (("b",), 0, 0): Cell(5, 0, 0), ((None,), 0, 0): Cell(5, 0, 0)}
    summary = Summary(Spec("y", "s", 0.5, "at_or_above", ("g",)), cells)
    assert "true_positive_rate" in crosscheck(summary).measures
    assert (
        crosscheck(Summary(Spec("y", "s", 0.5, "at_or_above", ("g",)), {((None,), 0, 0): Cell(5, 0, 0)})).compared == 0
    )


class Otherwise(fairlearn.metrics.MetricFrame):
    """A fairlearn that comes to other numbers of groups."""

    @property
    def by_group(self):
        return super().by_group + 0.25


@pytest.mark.parametrize(
    ("name", "other", "sentence"),
    [
        ("demographic_parity_difference", lambda *a, **k: 0.5, "g, demographic_parity_difference"),
        ("demographic_parity_ratio", lambda *a, **k: 0.5, "g, demographic_parity_ratio"),
        ("equalized_odds_difference", lambda *a, **k: 0.5, "g, equalized_odds_difference"),
        ("MetricFrame", Otherwise, "g, selection_rate of a"),
    ],
)
def test_fairlearn_disagreement_is_loud(monkeypatch, name, other, sentence):
    frame = pd.DataFrame({"y": [0, 1] * 40, "s": np.linspace(0, 1, 80), "g": list("aabb") * 20})
    summary = summarise(frame, Spec("y", "s", 0.3, "below", ("g",)))
    assert crosscheck(summary).compared > 10
    monkeypatch.setattr(fairlearn.metrics, name, other)
    with pytest.raises(Disagreement, match=sentence):
        crosscheck(summary)


def test_intersection_and_same_seed_same_interval():
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "y": rng.integers(0, 2, 3_000),
            "s": rng.random(3_000),
            "a": rng.choice(["x", "y"], 3_000),
            "b": rng.choice(["p", "q"], 3_000),
        }
    )
    summary = summarise(frame, Spec("y", "s", 0.5, "below", ("a", "b")))
    settings = FairnessSettings(intersections=(("a", "b"),), draws=300, seed=11)
    first, second = fairness(summary, settings), fairness(summary, settings)
    assert first == second
    assert {r.group for r in first if r.attribute == "a × b"} >= {"x × p", "x × q", "y × p", "y × q"}
