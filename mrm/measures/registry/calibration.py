"""Whether a probability is one."""

from typing import Any

from mrm.measures.registry.entry import CLASSIFICATION, OUTCOMES, Entry

_ONE: dict[str, Any] = {
    "version": "1",
    "kinds": ("performance",),
    "models": (CLASSIFICATION,),
    "needs": ("labels", "scores"),
}

TESTS = (
    Entry(
        **_ONE,
        id="brier",
        title="Brier score",
        pillar=OUTCOMES,
        measures={"brier": "Brier score", "brier_skill": "Brier skill against the base rate"},
        purpose="How far are the probabilities from what happened, and do they beat the base rate?",
        mechanism="The mean squared difference of probability and outcome; skill is one less its ratio to the base rate's.",
        signs_of_risk="A skill at or under zero: always giving the base rate would have been as good.",
        strengths="Honest probabilities alone make it smallest; it adds up over batches.",
        limitations="Mixes ranking and calibration in one number; small for rare events whatever the model.",
        citations=("Brier (1950), Monthly Weather Review 78:1",),
        reference="test_performance.py::test_brier_skill_is_zero_for_the_base_rate_and_one_for_the_truth",
    ),
    Entry(
        **_ONE,
        id="calibration-error",
        title="Expected calibration error",
        pillar=OUTCOMES,
        measures={"ece": "Expected calibration error"},
        purpose="By how many points do predicted and observed rates differ, over all bands?",
        mechanism="Mean absolute gap of both rates over bands of near-equal size, weighted by rows; bootstrap interval.",
        signs_of_risk="A value that matters where money follows the probability: prices, provisions, limits.",
        strengths="In points of probability, so its size can be judged; does not grow with the number of rows.",
        limitations="Above zero in any sample, even of a perfect model; depends on the bands.",
        citations=("Naeini, Cooper and Hauskrecht (2015), AAAI",),
        reference="test_performance.py::test_ece_by_hand",
    ),
    Entry(
        **_ONE,
        id="calibration-line",
        title="Calibration slope and level",
        pillar=OUTCOMES,
        measures={
            "calibration_slope": "Calibration slope",
            "calibration_intercept": "Calibration intercept",
            "calibration_in_the_large": "Calibration in the large",
        },
        purpose="Are the probabilities too high as a whole, or too extreme?",
        mechanism="A logistic regression of the outcome on the probability's logit; a slope of 1 and a level of 0 are exact.",
        signs_of_risk="A slope under 1 says that probabilities are too extreme, as of a model fitted too closely.",
        strengths="Tells the kind of the error, and with it the remedy: another level, or a shrunken spread.",
        limitations="One straight line; an error in the middle that the ends make up for stays unseen.",
        citations=("Cox (1958), Biometrika 45:562",),
        reference="test_performance.py::test_recalibration_of_a_perfect_and_of_an_overconfident_score",
    ),
    Entry(
        **(_ONE | {"kinds": ("performance", "bias")}),
        id="actual-to-expected",
        title="Actual to expected",
        pillar=OUTCOMES,
        measures={"actual_to_expected": "Actual to expected"},
        purpose="Did as many events come as the scores said, in all and in each group?",
        mechanism="The number of events over the sum of what was predicted; 1 is exact.",
        signs_of_risk="Above 1 risk is understated; within a group it says for whom.",
        strengths="Read at a glance, and used in pricing and provisioning as it stands.",
        limitations="Errors of opposite sign cancel out.",
        reference="test_regression.py::test_actual_to_expected_by_level_merges",
    ),
)
