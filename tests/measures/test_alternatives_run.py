"""A search for less discriminatory alternatives as a run: the model itself is the baseline, and every candidate is kept."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mrm.measures.evaluation import RunSpec, run
from mrm.measures.evidence import FairnessSettings
from mrm.measures.results import EvaluationFailed
from mrm.measures.scoring import file_digest
from mrm.measures.synthetic import FEATURES, applications


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    place = tmp_path_factory.mktemp("alternatives")
    data, protected = applications(4_000, seed=9)
    data["uploaded"] = np.clip(1.35 - data["bureau_score"] / 640, 0, 1)
    train, test = data.iloc[:2_000], data.iloc[2_000:]
    for name, frame in (("train", train), ("test", test), ("protected", protected)):
        frame.to_parquet(place / f"{name}.parquet", index=False)
    digests = {name: file_digest(place / f"{name}.parquet") for name in ("train", "test", "protected")}
    return RunSpec(
        dataset=place / "test.parquet", dataset_sha256=digests["test"], label="default", features=FEATURES, cutoff=0.35,
        favourable="below", folder=place, predictions="uploaded", protected=place / "protected.parquet",
        protected_sha256=digests["protected"], reference=place / "train.parquet", reference_sha256=digests["train"],
        attributes=("sex",), kinds=frozenset({"alternatives"}), tolerance=0.05,
        fairness=FairnessSettings(references={"sex": "M"}, draws=100), seed=4,
    )  # fmt: skip


def test_every_candidate_is_kept_and_the_proposed_one_is_fairer_within_the_tolerance(spec):
    outcome = run(spec)
    tried = [r for r in outcome.results if r.measure == "alternative_lowest_air"]
    kinds = {r.detail["kind"] for r in tried}
    assert kinds >= {"baseline", "refit", "feature drop", "parameters", "re-weighting", "cut-off", "reduction"}
    baseline, (proposed,) = tried[0], [r for r in tried if r.detail["proposed"]]
    assert proposed.detail["within"]
    assert proposed.value > baseline.value + 0.03
    assert baseline.detail["performance"]["auc"][0] - proposed.detail["performance"]["auc"][0] <= 0.05
    assert all(r.reason for r in tried)
    (confirmed,) = [r for r in outcome.results if r.measure == "alternative_confirmed_air"]
    assert confirmed.detail["candidate"] == proposed.detail["candidate"]
    (figure,) = outcome.figures
    assert len(figure["rows"]) == len(tried)
    assert run(spec).digest() == outcome.digest()


def test_without_groups_of_the_training_rows_none_is_fitted_with_a_view_to_them(spec, tmp_path):
    people = pd.read_parquet(spec.protected)
    people[people["row_id"] > 2_000].to_parquet(tmp_path / "protected.parquet", index=False)
    outcome = run(
        replace(
            spec, protected=tmp_path / "protected.parquet", protected_sha256=file_digest(tmp_path / "protected.parquet")
        )
    )
    assert "no candidate was fitted with a view to groups" in outcome.notes[0]
    assert not {r.detail["kind"] for r in outcome.results} & {"re-weighting", "reduction"}
    with pytest.raises(EvaluationFailed, match="There is no kind of model magic"):
        run(replace(spec, learner="magic"))
