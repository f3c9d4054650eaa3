"""The registry of tests against what runs produce, against the proofs it names, and against suites that do not fit."""

import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from mrm.core.packs import shipped
from mrm.measures.evaluation import alternatives, bias
from mrm.measures.evaluation.run import PARTS
from mrm.measures.explanation.assessment import MEASURES as EXPLAINING
from mrm.measures.explanation.findings import MEASURES as EXAMINING
from mrm.measures.performance import CALIBRATION, RANKING, RATES
from mrm.measures.registry import KINDS, MEASURES, MODEL_KINDS, NEEDS, PILLARS, TESTS, problems_of_suite, settled
from mrm.measures.registry.entry import Entry
from mrm.measures.stability.drift import MEASURES as SHIFTS

HERE = Path(__file__).parent


def test_every_measure_of_the_rooms_belongs_to_exactly_one_test() -> None:
    named = [measure for test in TESTS.values() for measure in test.measures]
    assert len(named) == len(set(named)) == len(MEASURES)
    assert {
        *bias.MEASURES,
        *alternatives.MEASURES,
        *EXPLAINING,
        *EXAMINING,
        *SHIFTS,
        *CALIBRATION,
        *RANKING,
        *RATES,
    } <= set(MEASURES)


@pytest.mark.parametrize("test", TESTS.values(), ids=TESTS)
def test_an_entry_says_all_there_is_to_say(test: Entry) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]+", test.id)
    assert set(test.kinds) <= set(KINDS) == set(PARTS)
    assert set(test.models) <= set(MODEL_KINDS)
    assert set(test.needs) <= set(NEEDS)
    assert test.pillar in PILLARS
    assert test.purpose.endswith("?")
    for words in (test.mechanism, test.signs_of_risk, test.strengths, test.limitations):
        assert len(words) > 5
        assert words[0].isupper()
        assert words.endswith(".")
    file, function = test.reference.split("::")
    assert f"def {function}(" in (HERE / file).read_text()
    jsonschema.Draft202012Validator.check_schema(test.schema)
    assert settled(test, {}) == test.defaults
    for each in test.parameters.values():
        assert each["description"].endswith(".")


def test_what_a_suite_sets_and_a_run_names_are_kept_apart() -> None:
    assert settled(TESTS["timeliness"], {"days": 30}, {"column": "seen", "days": 9}) == {"column": "seen", "days": 30}
    with pytest.raises(ValueError, match=r"^rank-order: groups: 3 is less than the minimum of 4$"):
        settled(TESTS["rank-order"], {"groups": 3})
    with pytest.raises(ValueError, match=r"^scenario: shifts.0: 'column' is a required property$"):
        settled(TESTS["scenario"], {}, {"shifts": [{"add": 1}]})


@pytest.mark.parametrize(
    ("named", "limits", "models", "sentence"),
    [
        ([{"id": "beauty"}], {}, (), "There is no test beauty; the library of tests lists those there are."),
        ([{"id": "brier"}] * 2, {}, (), "The test brier is named twice; name it once."),
        ([{"id": "noise", "parameters": {"levels": []}}], {}, (), "noise: levels: [] should be non-empty"),
        ([{"id": "grades", "parameters": {"bands": [0.1]}}], {}, (), "grades: bands depends on the data at hand"),
        ([{"id": "errors"}], {}, ("classification",), "errors does not fit models of the kind classification"),
        ([], {"auk": {}}, (), "There are limits for auk, which no test measures."),
        ([{"id": "brier"}], {"auc": {}}, (), "limits for auc, but the suite does not name the test roc-area."),
    ],
)  # fmt: skip
def test_a_suite_that_cannot_be_carried_out_says_why(named, limits, models, sentence) -> None:
    (said,) = problems_of_suite(named, limits, models)
    assert sentence in said


def test_every_shipped_suite_can_be_carried_out_and_every_test_is_named_by_one() -> None:
    used = set()
    for suite in shipped("suites"):
        content = suite.content
        models = content.get("applies", {}).get("model_kinds", [])
        assert list(problems_of_suite(content["tests"], content["thresholds"], models)) == [], suite.key
        used |= {each["id"] for each in content["tests"]}
        judged = {limit["pack"] for limit in content["thresholds"].values() if limit["pack"].startswith(suite.key)}
        assert judged <= {f"{suite.key} {suite.version}"}
    assert set(TESTS) - used == set()


def test_an_entry_is_data_and_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        TESTS["brier"].title = "Brier"  # type: ignore[misc]
    assert replace(TESTS["brier"], title="Brier").title == "Brier"
