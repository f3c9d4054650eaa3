"""Estimates and tests become results under limits, and keep why there is no interval."""

import pytest

from mrm.measures.backtesting import binomial
from mrm.measures.estimates import Estimate
from mrm.measures.judging import judged, judged_test, withheld
from mrm.measures.stability.index import psi

BANDS = {"direction": "lower", "watch": 0.10, "fail": 0.25, "text": "below 0.10", "pack": "house"}
LEVELS = {"direction": "higher", "watch": 0.05, "fail": 0.01}


def test_an_estimate_is_judged_and_keeps_its_evidence():
    found = judged("psi", psi([100] * 4, [120, 100, 100, 80]), BANDS, attribute="income")
    assert (found.status, found.attribute, found.pack, found.threshold_text) == (
        "pass",
        "income",
        "house",
        "below 0.10",
    )
    assert (found.n, found.detail["epsilon"]) == (400, 1e-4)
    assert found.lower <= found.value <= found.upper
    assert judged("psi", psi([100] * 4, [300, 50, 30, 20]), BANDS).status == "fail"


def test_a_value_without_an_interval_says_why():
    found = judged("breaks", Estimate(1, None, None, "count", 10, "A count has no interval."))
    assert (found.status, found.reason) == ("info", "A count has no interval.")


@pytest.mark.parametrize(("defaults", "status"), [(15, "pass"), (17, "watch"), (25, "fail")])
def test_a_test_is_judged_by_its_p_value(defaults, status):
    found = judged_test("binomial", binomial(defaults, 1_000, 0.01), LEVELS, group="BB")
    assert (found.status, found.group) == (status, "BB")
    assert found.detail["null"] == "The default rate is at most the PD of 1.0000%."
    assert found.reason == "A test has a p-value and no interval."


def test_what_has_no_value_says_why():
    found = withheld("ece", "not_applicable", "The scores are not probabilities.", 10, BANDS)
    assert (found.value, found.status, found.reason) == (None, "not_applicable", "The scores are not probabilities.")
    assert found.threshold_text == "below 0.10"


def test_an_estimate_cannot_be_silent():
    with pytest.raises(ValueError, match="without an interval says why"):
        Estimate(1, None, None, "count", 1)
    with pytest.raises(ValueError, match="names its method"):
        Estimate(1, 0, 2, "", 1)
