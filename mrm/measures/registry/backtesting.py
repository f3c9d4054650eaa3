"""Probabilities against what happened, as tests."""

from typing import Any

from mrm.measures.registry.entry import CLASSIFICATION, MONITORING, OUTCOMES, Entry

_ONE: dict[str, Any] = {
    "version": "1",
    "kinds": ("performance",),
    "models": (CLASSIFICATION,),
    "needs": ("labels", "scores"),
}

TESTS = (
    Entry(
        **_ONE,
        id="spiegelhalter",
        title="Spiegelhalter's test",
        pillar=OUTCOMES,
        measures={"spiegelhalter": "Spiegelhalter's test, p-value"},
        purpose="Could the outcomes have come from these probabilities?",
        mechanism="The Brier score less what it would be if every probability were true, over its standard deviation.",
        signs_of_risk="A small p-value with few rows.",
        strengths="Needs no bands.",
        limitations="With many rows an error too small to matter is significant; judge the calibration error instead.",
        citations=("Spiegelhalter (1986), Statistics in Medicine 5:421",),
        reference="test_backtesting.py::test_a_true_probability_is_rejected_at_the_level_of_the_test",
    ),
    Entry(
        **_ONE,
        id="hosmer-lemeshow",
        title="Hosmer-Lemeshow test",
        pillar=OUTCOMES,
        measures={"hosmer_lemeshow": "Hosmer-Lemeshow, p-value"},
        parameters={
            "groups": {
                "type": "integer",
                "minimum": 3,
                "maximum": 50,
                "default": 10,
                "description": "Bands of near-equal size that the rows are divided into.",
            }
        },
        purpose="Are events as frequent in every band as expected?",
        mechanism="Squared gaps of observed and expected events over their variance, summed; chi-square on held-out rows.",
        signs_of_risk="A small p-value with few rows.",
        strengths="Well known, and asked for by name.",
        limitations="Turns significant at large numbers whatever the model, and depends on the bands.",
        citations=("Hosmer and Lemeshow (1980), Communications in Statistics A 9:1043",),
        reference="test_backtesting.py::test_hosmer_lemeshow_is_not_to_be_gated_on_at_large_n",
    ),
    Entry(
        **(_ONE | {"needs": ("labels", "scores", "bands")}),
        id="grades",
        title="Probability of default by grade",
        pillar=MONITORING,
        measures={
            "grade_binomial": "Binomial test of the grade, p-value",
            "grade_jeffreys": "Jeffreys test of the grade, p-value",
            "grade_traffic_light": "Traffic light of the grade, cumulative probability",
        },
        parameters={
            "bands": {
                "type": "array",
                "items": {"type": "number"},
                "maxItems": 30,
                "default": [],
                "ofRun": True,
                "description": "Rising scores that divide the grades, such as 0.01, 0.03, 0.1.",
            }
        },
        purpose="In which grade did more defaults come than its probability allows?",
        mechanism=(
            "A grade is a band of scores and its probability the mean score in it. The binomial test is exact; Jeffreys'"
            " gives the chance that the true rate is at most the probability; the traffic light is yellow where the"
            " cumulative binomial probability reaches 95 % and red where it reaches 99.99 %."
        ),
        signs_of_risk="Small p-values, or a red light, above all in grades with much exposure.",
        strengths="Speaks of the grades that prices and capital follow; Jeffreys' test also tells of grades without defaults.",
        limitations="Takes defaults for independent; in a downturn they come together, and the tests reject too often.",
        citations=(
            "Basel Committee on Banking Supervision (2005), Working Paper 14",
            "European Central Bank (2019), Instructions for reporting the validation results of internal models",
            "Basel Committee on Banking Supervision (1996), Supervisory framework for the use of backtesting",
        ),
        reference="test_backtesting.py::test_binomial_and_jeffreys_reference_cases",
    ),
)
