"""Amounts, prices and losses against what was predicted."""

from typing import Any

from mrm.measures.registry.entry import LGD, NUMERIC, OUTCOMES, REGRESSION, SOUNDNESS, Entry

_ONE: dict[str, Any] = {"version": "1", "kinds": ("performance",), "needs": ("labels", "scores")}

TESTS = (
    Entry(
        **_ONE,
        id="errors",
        title="Size of the errors",
        pillar=OUTCOMES,
        models=NUMERIC,
        measures={
            "mae": "Mean absolute error",
            "rmse": "Root of the mean squared error",
            "error_bias": "Mean of predicted less actual",
            "mape": "Mean absolute error over the actual",
            "smape": "Mean symmetric relative error",
            "total_actual_to_expected": "Actual to expected of all",
        },
        purpose="How far are predictions from what happened, and to which side?",
        mechanism="Means of the error, of its size, its square and its size relative to the amount, and the sum of actual over that of expected, each with an interval.",
        signs_of_risk="A mean error whose interval leaves out zero; a root mean square far above the mean absolute error.",
        strengths="In units of the amount.",
        limitations="Large amounts dominate; relative errors are not defined where the actual is zero.",
        reference="test_regression.py::test_agrees_with_scikit_learn",
    ),
    Entry(
        **{**_ONE, "needs": ("labels", "interval")},
        id="interval-coverage",
        title="Coverage of the predicted interval",
        pillar=OUTCOMES,
        models=NUMERIC,
        measures={
            "interval_coverage": "Outcomes inside the predicted interval",
            "interval_coverage_test": "Coverage as promised, p-value",
        },
        parameters={
            "nominal": {
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1,
                "default": 0.8,
                "description": "Share of outcomes that the interval promises to hold; of P10 to P90, 0.8.",
            },
            **{
                name: {
                    "type": "string",
                    "maxLength": 200,
                    "default": "",
                    "ofRun": True,
                    "description": f"Column with the predicted {which} end, as {point}.",
                }
                for name, which, point in (("low", "lower", "P10"), ("high", "upper", "P90"))
            },
        },
        purpose="Do as many outcomes lie between the predicted P10 and P90 as the model promises?",
        mechanism="The share of known outcomes inside, both ends included, with an exact two-sided binomial test of the promise.",
        signs_of_risk="A share below the promise: the model is surer than it may be. Far above: its intervals say little.",
        strengths="Judges what the model says of its own uncertainty, without any assumption on the errors.",
        limitations="Right on the whole and wrong for a group is possible; look at segments.",
        reference="test_regression.py::test_coverage_by_hand",
    ),
    Entry(
        **_ONE,
        id="explained-variance",
        title="Explained variance",
        pillar=OUTCOMES,
        models=NUMERIC,
        measures={"r_squared": "R²"},
        purpose="How much better than their mean are the predictions?",
        mechanism="One less the squared error over the squared deviation from the mean; interval by the delta method.",
        signs_of_risk="A value under zero: the mean predicts better. A fall since development.",
        strengths="Has no unit, so models of different amounts compare.",
        limitations="Depends on the spread of the sample; a few large amounts can carry it.",
        reference="test_regression.py::test_intervals_of_r_squared_cover",
    ),
    Entry(
        **_ONE,
        id="residuals",
        title="Residuals",
        pillar=SOUNDNESS,
        models=(REGRESSION,),
        measures={
            "durbin_watson": "Durbin-Watson, p-value",
            "breusch_pagan": "Breusch-Pagan, p-value",
            "jarque_bera": "Jarque-Bera, p-value",
        },
        purpose="Is there anything left in the errors that the model should have known?",
        mechanism=(
            "Durbin-Watson asks whether neighbouring rows err alike, Breusch-Pagan whether the spread of the errors"
            " follows the features, Jarque-Bera whether errors are normal."
        ),
        signs_of_risk="Errors that follow in time or with a feature: intervals are then wrong, and information is unused.",
        strengths="Finds a misspecified form where the errors' size alone shows nothing.",
        limitations="Durbin-Watson needs rows in order of time. At many rows every deviation is significant.",
        citations=(
            "Durbin and Watson (1950), Biometrika 37:409",
            "Breusch and Pagan (1979), Econometrica 47:1287",
            "Jarque and Bera (1980), Economics Letters 6:255",
        ),
        reference="test_regression.py::test_residual_tests_agree_with_statsmodels",
    ),
    Entry(
        **(_ONE | {"needs": ("labels", "scores", "features")}),
        id="factor-levels",
        title="Actual to expected by factor",
        pillar=OUTCOMES,
        models=(REGRESSION,),
        measures={"factor_actual_to_expected": "Actual to expected of a factor's level"},
        purpose="For which customers is the price too low or too high?",
        mechanism="The sum of actual over the sum of expected in each level of each feature; numbers are cut at quarters.",
        signs_of_risk="A level far from 1 whose interval leaves 1 out, above all one with much business.",
        strengths="Shows where, and so what to correct.",
        limitations="Looks at one feature at a time; with many levels some lie outside by chance.",
        citations=("Cochran (1977), Sampling Techniques, section 2.11",),
        reference="test_regression.py::test_actual_to_expected_by_level_merges",
    ),
    Entry(
        **_ONE,
        id="ordered-lorenz",
        title="Gini on the ordered Lorenz curve",
        pillar=OUTCOMES,
        models=(REGRESSION,),
        measures={"lorenz_gini": "Gini on the ordered Lorenz curve"},
        purpose="Does the prediction tell cheap business from expensive business?",
        mechanism="Twice the area between the diagonal and the curve of cumulative losses, rows ordered by the prediction.",
        signs_of_risk="A value whose interval holds zero: a flat price would do as well.",
        strengths="Judges the order of prices where most rows have no loss at all.",
        limitations="Says nothing of the level; few large losses make it uncertain. Every row counts alike here.",
        citations=("Frees, Meyers and Cummings (2011), Journal of the American Statistical Association 106:1085",),
        reference="test_regression.py::test_the_ordered_lorenz_gini_by_hand_and_by_merit",
    ),
    Entry(
        **_ONE,
        id="loss-level",
        title="Level of losses",
        pillar=OUTCOMES,
        models=(LGD,),
        measures={"loss_paired_t": "Realised above estimated, p-value"},
        purpose="Were losses higher than estimated?",
        mechanism="A paired t-test, one-sided, that realised losses exceed the estimates on average.",
        signs_of_risk="A small p-value: losses are understated.",
        strengths="Asked for by name in supervisory reporting.",
        limitations="Losses are seldom normal, many being 0 or 1; below some thirty rows it says little.",
        citations=(
            "European Central Bank (2019), Instructions for reporting the validation results of internal models",
        ),
        reference="test_regression.py::test_paired_t_agrees_with_scipy",
    ),
    Entry(
        **_ONE,
        id="loss-ranking",
        title="Ranking of losses",
        pillar=OUTCOMES,
        models=(LGD,),
        measures={"loss_capture_ratio": "Loss capture ratio", "generalised_auc": "Generalised area (Somers' D)"},
        purpose="Were the exposures with the higher estimate also those with the higher loss?",
        mechanism=(
            "The area of the loss capture curve over that of the ideal order; and over twelve classes of loss the chance"
            " that the higher of two realised classes was estimated higher."
        ),
        signs_of_risk="A capture ratio near 0 or an area near 0.5: estimates do not rank.",
        strengths="Judges the order apart from the level.",
        limitations="Every row counts alike unless exposures are given; classes hide differences within them.",
        citations=(
            "Li, Bhariok, Keenan and Santilli (2009), Journal of Risk Model Validation 3:3",
            "Somers (1962), American Sociological Review 27:799",
        ),
        reference="test_regression.py::test_somers_d_agrees_with_scipy",
    ),
)
