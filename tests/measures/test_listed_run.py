"""A bias run on data with probabilities of groups and with a ranked list."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mrm.measures.evaluation import RunSpec, run
from mrm.measures.evidence import FairnessSettings
from mrm.measures.registry import TESTS
from mrm.measures.scoring import file_digest

TOLD = {
    "selection": {},
    "memberships": {
        "attribute": "race", "reference": "White",
        "columns": [{"group": "White", "column": "p_white"}, {"group": "Black", "column": "p_black"}],
    },
    "ranked-list": {"column": "place", "tops": [10, 100, 99_999]},
}  # fmt: skip


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """Two groups known for certain, also as probabilities; one scores worse and stands lower in the list."""
    place, rng = tmp_path_factory.mktemp("listed"), np.random.default_rng(5)
    n = 1_000
    black = rng.random(n) < 0.4
    score = np.clip(rng.normal(0.45 + 0.1 * black, 0.15), 0, 1)
    data = pd.DataFrame({"row_id": np.arange(n), "default": (rng.random(n) < score).astype(int), "score": score})
    data["place"] = data["score"].rank(method="first").astype(int)
    data["word"] = "first"
    people = pd.DataFrame({"row_id": np.arange(n), "p_white": 1.0 - black, "p_black": black * 1.0})
    people["group"] = np.where(black, "Black", "White")
    data.to_parquet(place / "data.parquet")
    people.to_parquet(place / "people.parquet")
    return RunSpec(
        dataset=place / "data.parquet", dataset_sha256=file_digest(place / "data.parquet"), label="default", features=("score",),
        cutoff=0.5, favourable="below", folder=place, predictions="score", protected=place / "people.parquet",
        protected_sha256=file_digest(place / "people.parquet"), kinds=frozenset({"bias"}), seed=3, tests=TOLD,
        fairness=FairnessSettings(references={"group": "White"}, draws=200),
    )  # fmt: skip


def test_weighted_rates_and_the_list_are_told_by_group(spec):
    outcome = run(spec)
    found = {(each.measure, each.attribute, each.group): each for each in outcome.results}
    assert {attribute for _, attribute, _ in found} == {"group", "race"}  # probabilities are no attributes of their own
    known, weighted = found["air", "group", "Black"], found["weighted_air", "race", "Black"]
    assert weighted.value == pytest.approx(known.value)
    assert weighted.lower < known.value < weighted.upper
    assert weighted.reference == "White"
    assert found["exposure_ratio", "group", "Black"].upper < 1
    tops = [each.detail["k"] for each in outcome.results if each.measure == "top_k_ratio" and each.group == "Black"]
    assert tops == [10, 100]
    assert found["ndkl", "group", ""].detail["p"] < 0.05
    assert outcome.digest() == run(spec).digest()


@pytest.mark.parametrize(
    ("test", "given", "sentence"),
    [
        ("memberships", TESTS["memberships"].defaults, "Name the columns of the protected data that hold probabilities"),
        ("memberships", TOLD["memberships"] | {"columns": [{"group": "X", "column": "p_x"}]}, "have no column p_x"),
        ("memberships", TOLD["memberships"] | {"reference": "Green"}, "Green is none of White, Black."),
        ("ranked-list", TESTS["ranked-list"].defaults, "Name the column with each row's place in the list"),
        ("ranked-list", {"column": "absent", "tops": [1]}, "has no column absent with the place"),
        ("ranked-list", {"column": "word", "tops": [1]}, "the place in a list is a number, 1 for the best"),
        ("ranked-list", {"column": "default", "tops": [1]}, "Two rows have the same place in column default"),
    ],
)  # fmt: skip
def test_data_without_such_columns_say_so(spec, test, given, sentence):
    outcome = run(replace(spec, tests=TOLD | {test: given}))
    (undone,) = [each for each in outcome.results if each.measure in TESTS[test].measures]
    assert undone.status == "not_applicable"
    assert sentence in undone.reason
