"""Runs of quality, soundness, robustness and of amounts, on data whose faults are known."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import stats
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.evaluation import RunSpec, run
from mrm.measures.registry import MEASURES, TESTS
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import file_digest
from mrm.measures.synthetic import FEATURES, applications

pytestmark = pytest.mark.xdist_group("run of kinds")  # its fixture is a run

KINDS = frozenset({"performance", "quality", "soundness", "robustness"})
BY_RUN = {
    "grades": {"bands": [0.05, 0.15, 0.3]},
    "timeliness": {**TESTS["timeliness"].defaults, "column": "seen", "days": 100},
    "adversarial": {"budgets": [0.1, 0.5], "changeable": ["bureau_score", "loan_to_value"]},
    "monotonicity": {"rising": ["loan_to_value"], "falling": ["bureau_score", "income"]},
    "scenario": {"shifts": [{"column": "income", "factor": 0.8}, {"column": "bureau_score", "add": -60}]},
}
LIMITS = {
    "duplicate_rows": {"direction": "lower", "fail": 0.0},
    "unit_change": {"direction": "absolute", "fail": 0.5},
    "single_column_auc": {"direction": "lower", "fail": 0.95},
    "monotonicity_violations": {"direction": "lower", "fail": 0.0},
    "grade_jeffreys": {"direction": "higher", "watch": 0.05, "fail": 0.01},
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    place = tmp_path_factory.mktemp("kinds")
    train, _ = applications(3_000, seed=1)
    names = [*FEATURES, "recovered"]
    rng = np.random.default_rng(3)
    train["recovered"] = rng.normal(size=len(train))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train[names], train["default"])
    skops.io.dump(model, place / "model.skops")
    train.to_parquet(place / "train.parquet")
    test, _ = applications(2_000, seed=2)
    test["recovered"] = 5.0 * test["default"] + rng.normal(size=len(test))  # known only after the event
    test["utilisation"] *= 100  # in per cent now
    test.loc[:99, list(FEATURES)] = train.loc[:99, list(FEATURES)]  # rows of the training data
    test.loc[:99, "recovered"] = train.loc[:99, "recovered"]
    test["seen"] = pd.Timestamp("2026-03-01") - pd.to_timedelta(np.arange(len(test)) // 10, unit="D")
    test = pd.concat([test, test.iloc[-20:].assign(row_id=lambda t: t["row_id"] + 50_000)], ignore_index=True)
    test.to_parquet(place / "data.parquet")
    digest = {name: file_digest(place / name) for name in ("data.parquet", "train.parquet", "model.skops")}
    return RunSpec(
        dataset=place / "data.parquet", dataset_sha256=digest["data.parquet"], label="default", features=tuple(names),
        cutoff=0.15, favourable="below", folder=place, artifact=place / "model.skops", kind="skops",
        artifact_sha256=digest["model.skops"], reference=place / "train.parquet",
        reference_sha256=digest["train.parquet"], thresholds=LIMITS, kinds=KINDS, seed=20261001,
        tests={name: BY_RUN.get(name, test.defaults) for name, test in TESTS.items()},
    )  # fmt: skip


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def outcome(spec, told):
    return run(spec, lambda *stage: told.append(stage))


def one(outcome, measure, group=""):
    (found,) = [each for each in outcome.results if (each.measure, each.group) == (measure, group)]
    return found


def test_every_test_of_these_kinds_came_to_a_result(outcome, spec):
    found = {MEASURES[each.measure].id for each in outcome.results if each.value is not None}
    asked = {name for kind in KINDS for name in spec.asked(kind)}
    assert asked - found == {"cardinality"}  # no feature is text
    assert one(outcome, "cardinality_growth").status == "not_applicable"
    produced = {each.measure for each in outcome.results}
    assert {m for name in asked for m in TESTS[name].measures} == produced
    json.dumps(outcome.as_dict())


def test_faults_of_the_data_are_found_by_name(outcome):
    assert one(outcome, "duplicate_rows").status == "fail"
    assert one(outcome, "duplicate_rows").reason == "The first is row 2,001."
    assert {each.group: each.value for each in outcome.results if each.measure == "unit_change" and each.value} == {
        "utilisation": 2.0
    }
    assert one(outcome, "single_column_auc", "recovered").status == "fail"
    assert one(outcome, "train_test_overlap").value == pytest.approx(100 / 2_020)
    assert one(outcome, "stale_rows", "seen").value == pytest.approx(0.5, abs=0.01)


def test_the_model_is_held_to_its_directions_and_to_a_scenario(outcome):
    assert one(outcome, "monotonicity_violations", "bureau_score falling").status == "pass"
    harder = one(outcome, "scenario_score", "income × 0.8, bureau_score − 60")
    assert harder.lower > 0
    flips = [each.value for each in outcome.results if each.measure == "noise_flips"]
    assert flips == sorted(flips)
    refused = one(outcome, "extreme_flips", "income missing")
    assert refused.status == "not_applicable"
    assert "The model refuses it: ValueError: Input X contains NaN" in refused.reason


def test_all_variants_are_scored_in_two_processes(outcome, told):
    counted = [(done, total) for stage, done, total in told if stage == "robustness"]
    most, after = sorted({total for _, total in counted if total}, reverse=True)
    assert (most, most) in counted
    assert most > 50_000
    assert counted[-1] == (after, after)  # of all features at once, whose directions the first answers tell


def test_small_changes_turn_refusals_and_the_pull_of_a_feature_has_its_sign(outcome):
    joint = {each.group: each for each in outcome.results if each.measure == "adversarial_joint"}
    small, large = (joint[f"within {budget} standard deviations"] for budget in ("0.1", "0.5"))
    alone = one(outcome, "adversarial_single", "bureau_score, within 0.5 standard deviations")
    assert 0 < small.value < large.value
    assert alone.value <= large.value
    assert large.n == alone.n < 2_020  # of those refused
    assert one(outcome, "elasticity", "bureau_score").upper < 0 < one(outcome, "elasticity", "loan_to_value").lower


def test_grades_are_those_the_run_names(outcome):
    names = ["below 0.05", "0.05 to 0.15", "0.15 to 0.3", "0.3 and above"]
    assert [each.group for each in outcome.results if each.measure == "grade_jeffreys"] == names
    light = one(outcome, "grade_traffic_light", names[0])
    assert light.detail["zone"] in light.reason.lower()
    assert light.detail["expected"] == pytest.approx(light.n * light.detail["pd"])


def test_figures_have_alternatives_and_tables(outcome):
    names = {each["name"] for each in outcome.figures}
    assert names == {
        "score_distribution", "calibration", "cap", "quality_missing-values", "quality_leakage", "variance_inflation",
        "weak_spot", "noise", "ablation", "elasticity", "adversarial",
    }  # fmt: skip
    assert all(each["alt"].endswith(".") and each["rows"] for each in outcome.figures)


def test_what_a_suite_requires_stands_as_insufficient_and_what_it_does_not_name_is_left_out(spec):
    short = replace(
        spec, predictions="recovered", artifact=None, reference=None, score_range=(-20.0, 20.0),
        tests={name: TESTS[name].defaults for name in ("noise", "overfit", "ablation", "grades", "weak-spots")},
        required=frozenset({"noise", "overfit"}), thresholds={},
    )  # fmt: skip
    found = {each.measure: each for each in run(short).results}
    assert set(found) == {"noise_flips", "overfit_gap", "ablation_flips", "grade_binomial", "weak_spot"}
    assert (found["noise_flips"].status, found["ablation_flips"].status) == ("insufficient", "not_applicable")
    assert found["noise_flips"].reason.startswith("It needs a model that can be asked for more scores")
    assert found["overfit_gap"].status == "insufficient"
    assert found["grade_binomial"].reason == "The scores are not probabilities."


def test_bounds_of_grades_that_fall_are_refused(spec):
    wrong = {**spec.tests, "grades": {"bands": [0.3, 0.1]}}
    with pytest.raises(EvaluationFailed, match=r"The bounds of the grades, 0.3, 0.1, do not rise between 0 and 1"):
        run(replace(spec, tests=wrong, predictions="debt_to_income", kinds=frozenset({"performance"})))


@pytest.fixture(scope="module")
def amounts(tmp_path_factory):
    """Claims that follow two features and a channel, and a model of straight lines."""
    place, rng = tmp_path_factory.mktemp("amounts"), np.random.default_rng(11)
    for name, n in (("train", 1_500), ("data", 1_500)):
        frame = pd.DataFrame({"age": rng.uniform(18, 80, n), "power": rng.gamma(4, 20, n)})
        frame["channel"] = rng.choice(["web", "branch"], n)
        frame["row_id"] = np.arange(n)
        frame["claim"] = rng.gamma(2, (200 + 3 * frame["power"] - frame["age"]) / 2)
        frame["lost"] = np.clip(frame["claim"] / 1_500, 0, 1)
        if name == "train":
            model = LinearRegression().fit(frame[["age", "power"]], frame["claim"])
            skops.io.dump(model, place / "model.skops")
        frame["expected"] = model.predict(frame[["age", "power"]])
        frame["expected_loss"] = frame["expected"] / 1_500
        frame.to_parquet(place / f"{name}.parquet")
    digest = {name: file_digest(place / name) for name in ("data.parquet", "train.parquet", "model.skops")}
    return RunSpec(
        dataset=place / "data.parquet", dataset_sha256=digest["data.parquet"], label="claim", features=("age", "power"),
        cutoff=float("nan"), favourable="below", folder=place, artifact=place / "model.skops", kind="skops",
        artifact_sha256=digest["model.skops"], reference=place / "train.parquet",
        reference_sha256=digest["train.parquet"], kinds=KINDS | {"stability"}, model_kind="regression", seed=1,
        domain=("channel in web", "age from 18 to 80"),
        thresholds={"outside_conditions": {"direction": "lower", "fail": 0.0}},
    )  # fmt: skip


def test_a_model_of_amounts_is_measured_as_one(amounts):
    found = run(amounts)
    assert one(found, "r_squared").lower > 0.05
    assert abs(one(found, "overfit_gap").value) < 0.1
    assert one(found, "lorenz_gini").lower > 0
    assert one(found, "total_actual_to_expected").value == pytest.approx(1, abs=0.1)
    levels = [each for each in found.results if each.measure == "factor_actual_to_expected"]
    assert len(levels) == 8
    assert all(each.lower < 1.2 and each.upper > 0.8 for each in levels)
    assert next(each["name"] for each in found.figures) == "predicted_actual"
    assert {each.group for each in found.results if each.measure == "psi"} == {"age", "power", "score"}
    assert not {each.measure for each in found.results} & {"auc", "noise_flips", "single_column_auc"}
    assert found.pins["cutoff"] is None
    assert "interval_coverage" in {each.measure for each in found.results if each.status == "not_applicable"}
    outside = one(found, "outside_conditions")
    assert (outside.status, outside.value) == ("fail", pytest.approx(0.5, abs=0.05))
    assert re.fullmatch(r"Row [\d,]+: channel is branch; approved are web\.", outside.reason)
    assert one(found, "outside_envelope").value < 0.01
    assert one(found, "outside_density").value == pytest.approx(0.01, abs=0.01)


def test_outcomes_are_counted_inside_the_predicted_interval(amounts, tmp_path):
    frame = pd.read_parquet(amounts.dataset)
    frame["p10"], frame["p90"] = (
        stats.gamma.ppf(0.1, 2) * frame["expected"] / 2,
        stats.gamma.ppf(0.9, 2) * frame["expected"] / 2,
    )
    frame.to_parquet(tmp_path / "data.parquet")
    named = {"nominal": 0.8, "low": "p10", "high": "p90"}
    short = replace(
        amounts, dataset=tmp_path / "data.parquet", dataset_sha256=file_digest(tmp_path / "data.parquet"),
        predictions="expected", kinds=frozenset({"performance"}), tests={"interval-coverage": named},
    )  # fmt: skip
    share = one(run(short), "interval_coverage")
    assert share.lower < 0.8 < share.upper
    assert one(run(short), "interval_coverage_test").value > 0.01
    absent = run(replace(short, tests={"interval-coverage": named | {"high": "p99"}}))
    assert "has no column p99 with an end of the predicted interval" in one(absent, "interval_coverage").reason
    crossed = run(replace(short, tests={"interval-coverage": named | {"low": "p90", "high": "p10"}}))
    assert "is above high" in one(crossed, "interval_coverage").reason


def test_losses_are_measured_in_level_and_order(amounts):
    loss = replace(amounts, model_kind="loss_given_default", label="lost", predictions="expected_loss",
                   kinds=frozenset({"performance"}))  # fmt: skip
    found = run(loss)
    assert one(found, "loss_paired_t").detail["degrees"] == 1_499
    assert one(found, "loss_capture_ratio").lower > 0
    assert one(found, "generalised_auc").value > 0.5
    assert "durbin_watson" not in {each.measure for each in found.results}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": "channel"}, "Column channel holds .*; the outcomes of this kind of model are amounts"),
        ({"label": "twice"}, "Column twice holds two values at most, so it is an event and no amount"),
    ],
)
def test_outcomes_that_are_no_amounts_are_refused(amounts, tmp_path, change, sentence):
    frame = pd.read_parquet(amounts.dataset).assign(twice=lambda t: (t["age"] > 40).astype(int))
    frame.to_parquet(tmp_path / "data.parquet")
    other = replace(amounts, dataset=tmp_path / "data.parquet", dataset_sha256=file_digest(tmp_path / "data.parquet"),
                    predictions="expected", kinds=frozenset({"performance"}))  # fmt: skip
    with pytest.raises(EvaluationFailed, match=sentence):
        run(replace(other, **change))
