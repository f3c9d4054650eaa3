"""A whole run: from files to judged results, the same each time."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import skops.io
import yaml
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrm.measures.evaluation import RunSpec, pins, run
from mrm.measures.process import CannotScore
from mrm.measures.registry import MEASURES
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import file_digest
from mrm.measures.synthetic import FEATURES, applications

pytestmark = pytest.mark.xdist_group("whole run")  # its fixture is a run

THRESHOLDS = {
    "air": {"direction": "higher", "watch": 0.9, "fail": 0.8, "significance": 0.05, "interval": True,
                             "text": "watch < 0.90, fail < 0.80", "pack": "screen"},
    "additivity": {"direction": "lower", "fail": 1e-6},
    "auc": {"direction": "higher", "watch": 0.75, "fail": 0.65, "text": "watch < 0.75", "pack": "screen"},
}  # fmt: skip


REASONS = yaml.safe_load(
    (Path(__file__).resolve().parents[2] / "fixtures" / "reasons" / "retail-credit.yaml").read_text()
)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    place = tmp_path_factory.mktemp("run")
    train, _ = applications(6_000, seed=1)
    names = list(FEATURES)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train[names], train["default"])
    skops.io.dump(model, place / "model.skops")
    test, protected = applications(5_000, seed=2)
    test["uploaded"] = model.predict_proba(test[names])[:, 1]
    test.to_parquet(place / "data.parquet")
    protected.to_parquet(place / "protected.parquet")
    return RunSpec(
        dataset=place / "data.parquet", dataset_sha256=file_digest(place / "data.parquet"), label="default",
        features=FEATURES, cutoff=0.1, favourable="below", folder=place, artifact=place / "model.skops", kind="skops",
        artifact_sha256=file_digest(place / "model.skops"), protected=place / "protected.parquet",
        protected_sha256=file_digest(place / "protected.parquet"), references={"sex": "M"}, thresholds=THRESHOLDS,
        seed=20261001, explain_rows=120, background_rows=200, event_name="Default", reasons=REASONS,
        kinds=frozenset({"performance", "bias", "stability", "explainability"}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def outcome(spec, told):
    return run(spec, lambda *stage: told.append(stage))


def one(outcome, measure, group=""):
    (found,) = [r for r in outcome.results if r.measure == measure and r.group == group]
    return found


def test_planted_bias_is_reported(outcome):
    women = one(outcome, "air", "F")
    assert (women.status, women.reference, women.pack) == ("fail", "M", "screen")
    assert women.detail["p_adjusted"] < 1e-6
    assert one(outcome, "auc").status == "pass"


def test_fairlearn_agrees(outcome):
    assert outcome.crosscheck["max_difference"] <= 1e-12


def test_outcome_is_json_with_every_figure_in_both_themes(outcome):
    shown = json.loads(json.dumps(outcome.as_dict()))
    names = [figure["name"] for figure in shown["figures"]]
    assert names == ["score_distribution", "calibration", "cap", "impact_ratio", "group_rates", "population",
                     "air_by_approval_rate", "score_density", "roc_by_group", "reliability_by_group", "proxies", "disparity_shares", "importance",
                     "contribution_spread", "dependence", "interactions", "gap_1", "gap_2", "gap_3", "case_clear_approval",
                     "case_clear_decline", "case_borderline", "case_outlier", "case_pair_first", "case_pair_second",
                     "reason_codes", "reason_groups_1", "reason_groups_2", "reason_groups_3"]  # fmt: skip
    for figure in shown["figures"]:
        assert figure["light"] != figure["dark"]
        assert figure["alt"].endswith(".")
        assert all(len(row) == len(figure["header"]) for row in figure["rows"])


def test_stages_are_told_in_order(outcome, told):
    assert list(dict.fromkeys(stage for stage, _, _ in told)) == [
        "checking", "scoring", "performance", "bias", "explaining", "examining", "drawing",
    ]  # fmt: skip


def test_same_pins_same_numbers_bit_for_bit(outcome, spec):
    assert run(spec).digest() == outcome.digest()


def test_explanation_is_pinned(outcome):
    facts = outcome.explanation
    assert (facts["method"], facts["n_rows"], facts["n_background"]) == (
        "exact linear contributions",
        120,
        200,
    )
    assert facts["importance"][0][0] == "bureau_score"
    assert one(outcome, "additivity").status == "pass"


def test_uploaded_predictions_give_the_same_measures_without_the_model(outcome, spec):
    uploaded = run(replace(spec, predictions="uploaded", artifact=None, kind="", artifact_sha256=""))
    assert uploaded.summary_digest == outcome.summary_digest
    assert one(uploaded, "auc") == one(outcome, "auc")
    assert uploaded.explanation == {}
    assert uploaded.notes == (
        "Stability was not evaluated: there are no data that the model was made on.",
        "The scores were not explained: that needs a model that can be run here, and the scores were taken from a column of predictions.",
    )


def test_pins_name_digests_versions_and_code(outcome, spec):
    assert pins(spec, "isolated") == outcome.pins
    assert outcome.pins["dataset_sha256"] == spec.dataset_sha256
    assert set(outcome.pins["versions"]) >= {"numpy", "scipy", "fairlearn", "shap", "onnxruntime"}
    assert outcome.pins["code"].startswith("0.1.0+")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"dataset_sha256": "0" * 64}, "digest of the data set is not the one on record"),
        ({"protected_sha256": "0" * 64}, "digest of the protected data"),
        ({"label": "bad"}, "no column bad"),
        ({"kinds": frozenset({"beauty"})}, "no evaluation of the kind beauty"),
        (
            {"thresholds": {"auk": {"direction": "higher", "fail": 1}}},
            "limits for auk, which is not measured",
        ),
        ({"thresholds": {"auc": {"direction": "up", "fail": 1}}}, "limits for auc cannot be read"),
        ({"artifact": None}, "neither a model to run nor a column"),
        ({"positive": 7, "predictions": "uploaded"}, "No row of the data set has the label 7"),
        ({"predictions": "income"}, "scores lie outside 0 to 1"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(spec, change, sentence):
    with pytest.raises(EvaluationFailed, match=sentence):
        run(replace(spec, **change))


def test_other_kinds_of_model_are_refused(spec):
    with pytest.raises(CannotScore, match="upload the predictions"):
        run(replace(spec, kind="pmml"))


def test_without_protected_data_bias_is_noted_as_missing(spec):
    found = run(replace(spec, protected=None, predictions="uploaded", kinds=frozenset({"bias", "performance"})))
    assert "Bias was not evaluated: there is no protected data." in found.notes


def test_text_labels_and_missing_outcomes(spec, tmp_path):
    frame = pd.read_parquet(spec.dataset)
    frame["default"] = frame["default"].map({1: "bad", 0: "good"}).mask(frame["row_id"] % 10 == 0)
    frame.to_parquet(tmp_path / "text.parquet")
    found = run(replace(spec, dataset=tmp_path / "text.parquet", dataset_sha256=file_digest(tmp_path / "text.parquet"),
                        positive="bad", predictions="uploaded", kinds=frozenset({"performance"})))  # fmt: skip
    assert one(found, "base_rate").detail["outcomes_unknown"] == 500


def test_limits_of_the_shipped_suites_name_measures_that_exist():
    suites = sorted((Path(__file__).resolve().parents[2] / "fixtures" / "suites").glob("*.yaml"))
    assert suites
    for suite in suites:
        assert set(yaml.safe_load(suite.read_text())["thresholds"]) <= set(MEASURES)
