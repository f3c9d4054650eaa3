"""Noise, shifts, gaps, extremes and attacks on a model whose answers are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import special

from mrm.measures.robustness.adversarial import attack
from mrm.measures.robustness.perturbation import (
    Shift,
    ablation,
    elasticity,
    extremes,
    monotonicity_violations,
    noise,
    scenario,
)
from mrm.measures.robustness.resilience import worst_cluster, worst_rows
from mrm.measures.robustness.scorer import subject


def model(data: pd.DataFrame) -> np.ndarray:
    """Rises with debt, falls with income; a bump in age; knows nothing of `idle`."""
    x = data["debt"] - 2 * data["income"] + 0.8 * np.sin(3 * data["age"])
    return special.expit(x.to_numpy())


@pytest.fixture(scope="module")
def tested():
    rng = np.random.default_rng(61)
    data = pd.DataFrame({name: rng.normal(size=4_000) for name in ("debt", "income", "age", "idle")})
    data["product"] = rng.choice(["card", "loan"], 4_000)
    return subject(model, data, (rng.random(4_000) < model(data)).astype(int), 0.5)


@pytest.mark.parametrize("quantile", [False, True])
def test_more_noise_costs_more(tested, quantile):
    found = noise(tested, levels=(0.1, 0.5, 1.0), quantile=quantile)
    assert [each.auc.value for each in found] == sorted((each.auc.value for each in found), reverse=True)
    assert [each.flips.value for each in found] == sorted(each.flips.value for each in found)
    assert found[2].auc.upper < 0
    assert found[2].test.p < 1e-6
    assert found == noise(tested, levels=(0.1, 0.5, 1.0), quantile=quantile)


def test_quantile_noise_keeps_to_values_that_occur(tested):
    seen = []

    def watching(data):
        seen.append(set(data["debt"]) <= set(tested.data["debt"]))
        return model(data)

    noise(subject(watching, tested.data, tested.labels, 0.5), ["debt"], (0.2,), quantile=True)
    assert seen == [True, True]


def test_elasticity_of_a_power_is_its_exponent():
    rng = np.random.default_rng(62)
    data = pd.DataFrame({"x": rng.uniform(1, 2, 500), "zero": np.zeros(500)})
    cubic = subject(lambda frame: (frame["x"] ** 3).to_numpy(), data, rng.integers(0, 2, 500), 4)
    found = elasticity(cubic, step=1e-4)
    assert found["x"].value == pytest.approx(3, abs=1e-3)
    assert found["zero"] is None


def test_a_scenario_moves_every_score_as_it_should(tested):
    found = scenario(tested, "recession", [Shift("income", add=-0.5), Shift("debt", factor=1.0, add=0.5)])
    assert found.score.lower > 0
    assert found.flips.value > 0.05
    assert found.change == "recession"


def test_the_column_that_matters_most_is_missed_most(tested):
    found = ablation(tested)
    assert found[0].change == "income median"
    assert found[-1].change == "idle median"
    assert (found[-1].flips.value, found[-1].auc.value, found[-1].test.p) == (0, 0, 1)


def test_extremes_are_scored_or_refused(tested):
    found = extremes(tested, ["income", "idle"])
    income, idle = found[:5], found[5:]
    assert [each.refusal for each in income[:4]] == [""] * 4
    assert income[4].refusal.startswith("Column score, row 1: nan is not a finite number")
    assert income[0].effect.score.value > 0 > income[1].effect.score.value
    assert all(each.effect.flips.value == 0 for each in idle)


def test_wrong_moves_of_a_constrained_column_are_found(tested):
    found = monotonicity_violations(tested, {"debt": 1, "income": -1, "age": 1})
    assert (found["debt"].value, found["income"].value) == (0, 0)
    assert found["age"].value > 0.9
    assert found["age"].detail["largest"] > 0.05
    assert monotonicity_violations(tested, {"debt": -1})["debt"].value == 1


def test_the_worst_rows_and_the_worst_cluster_are_where_the_model_was_spoiled():
    rng = np.random.default_rng(63)
    columns = {"a": rng.normal(size=5_000), "b": rng.normal(size=5_000)}
    losses = rng.exponential(0.05, 5_000) + 0.5 * (columns["a"] > 1)
    worst = worst_rows(columns, losses)
    assert [each.share for each in worst] == [0.1, 0.2, 0.3]
    assert list(worst[0].differs) == ["a", "b"]
    assert worst[0].differs["a"].value > 1
    assert worst[0].differs["b"].value < 0.1
    cluster = worst_cluster(columns, losses, 6)[0]
    assert cluster.centre["a"] > 0.8
    assert cluster.gap.lower > 0.1


def test_an_attack_turns_more_with_a_larger_budget(tested):
    small, large = attack(tested, ["debt", "income", "idle"], (0.1, 0.5))
    assert small.joint.value < large.joint.value
    assert small.single["idle"].value == 0
    assert small.joint.value >= max(each.value for each in small.single.values())
    assert small.joint.n == tested.decisions.sum()
    assert attack(tested, ["debt"], (0.5,), event=False)[0].joint.n == (~tested.decisions).sum()


def test_one_outcome_has_no_area_but_decisions_still_flip(tested):
    same = subject(model, tested.data, np.zeros(4_000), 0.5)
    found = noise(same, levels=(1.0,))[0]
    assert (found.auc, found.test) == (None, None)
    assert found.flips.value > 0.1


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (lambda t: subject(lambda d: [0.5], t.data, t.labels, 0.5), "gave 1 scores for 4,000 rows"),
        (lambda t: subject(lambda d: d["debt"] / 0, t.data, t.labels, 0.5), "is not a finite number"),
        (lambda t: subject(model, t.data, t.labels[:9], 0.5), "differ in length"),
        (lambda t: noise(t, levels=(0,)), "levels of noise must be positive"),
        (lambda t: noise(t, ["product"]), "Column product holds no numbers"),
        (lambda t: noise(t, ["q"]), "no column q"),
        (lambda t: elasticity(t, step=0), "The step is 0"),
        (lambda t: scenario(t, "calm", []), "The scenario calm shifts nothing"),
        (lambda t: ablation(t, replacement="mean"), "'mean' is not known"),
        (lambda t: monotonicity_violations(t, {"debt": 2}), "directions of debt cannot be read"),
        (lambda t: attack(t, ["debt"], ()), "budgets must be positive"),
        (lambda t: attack(subject(model, t.data, t.labels, 2), ["debt"]), "No row has the decision"),
        (lambda t: worst_rows({"a": [1, 2]}, [1, 2], [0.1]), "leave no row on one side"),
        (lambda t: worst_cluster({"a": [1, 2]}, [1, 2]), "8 clusters need 800 rows"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(tested, attempt, sentence):
    with pytest.raises(ValueError, match=sentence):
        attempt(tested)
