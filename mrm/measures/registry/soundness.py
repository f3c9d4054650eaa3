"""Whether the model is built on firm ground."""

from typing import Any

from mrm.measures.registry.entry import ANY_MODEL, SOUNDNESS, Entry

_ONE: dict[str, Any] = {"version": "1", "kinds": ("soundness",), "models": ANY_MODEL, "pillar": SOUNDNESS}

TESTS = (
    Entry(
        **_ONE,
        id="collinearity",
        title="Collinearity of the features",
        needs=("features",),
        measures={
            "variance_inflation": "Variance inflation factor",
            "condition_number": "Condition number",
            "correlation": "Correlation of two features",
        },
        parameters={
            "most": {
                "type": "integer",
                "minimum": 1,
                "maximum": 50,
                "default": 10,
                "description": "Pairs of features listed, the most correlated first.",
            }
        },
        purpose="Do features repeat each other?",
        mechanism="How far each numeric feature follows from the others, and the correlation of pairs; complete rows only.",
        signs_of_risk="Factors above 5 or 10: coefficients are unsteady, and importance is divided at random.",
        strengths="Found before the model is looked at.",
        limitations="Sees straight lines only; trees suffer less from it than linear models.",
        citations=("Marquardt (1970), Technometrics 12:591", "Belsley, Kuh and Welsch (1980), Regression Diagnostics"),
        reference="test_soundness.py::test_variance_inflation_agrees_with_statsmodels",
    ),
    Entry(
        **_ONE,
        id="overfit",
        title="Overfit",
        needs=("labels", "scores", "training"),
        measures={"overfit_gap": "Training less test performance"},
        purpose="Is the model better on the rows it was made on?",
        mechanism="The area under the ROC curve, or R² for amounts, on training data less that on the data of the run.",
        signs_of_risk="A gap of more than a few points whose interval leaves zero out.",
        strengths="Plain, and with the errors of both samples counted.",
        limitations="A gap may also come from a later time or another population.",
        reference="test_soundness.py::test_overfit_dispersion_and_reproduction",
    ),
    Entry(
        **_ONE,
        id="weak-spots",
        title="Weak spots",
        needs=("labels", "scores", "features"),
        measures={"weak_spot": "Loss of a slice above that of the rest"},
        parameters={
            "least": {
                "type": "integer",
                "minimum": 20,
                "default": 100,
                "description": "Rows that a slice needs to be looked at.",
            },
            "most": {
                "type": "integer",
                "minimum": 1,
                "maximum": 50,
                "default": 10,
                "description": "Slices listed, the worst first.",
            },
        },
        purpose="For whom is the model worse than for the others?",
        mechanism=(
            "Slices of one and of two features, numbers cut at quarters; the mean squared error of a slice, beyond the p (1 - p) that a true probability p leads one to expect, less that of"
            " all other rows. For amounts it is told in units of the outcome's variance."
        ),
        signs_of_risk="A gap of more than two standard errors that is large enough to matter.",
        strengths="Finds where to look, which no overall number does.",
        limitations="Many slices are searched, so some are bad by chance; p-values are adjusted for it.",
        citations=("Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57:289",),
        reference="test_soundness.py::test_the_weak_spot_is_the_slice_that_was_spoiled",
    ),
    Entry(
        **_ONE,
        id="reliability",
        title="Reliability of single predictions",
        needs=("labels", "scores"),
        measures={"conformal_gap": "Coverage less what was promised"},
        parameters={
            "level": {
                "type": "number",
                "minimum": 0.5,
                "maximum": 0.99,
                "default": 0.9,
                "description": "Share of rows whose outcome the set of predictions is to hold.",
            }
        },
        purpose="Can a single prediction be given with a promise of how often it holds?",
        mechanism=(
            "Split conformal prediction: half of the rows, drawn by the seed, set the width at which the promise holds;"
            " on the other half it is counted whether it does."
        ),
        signs_of_risk="Coverage under the promise: single predictions are less sure than told.",
        strengths="Needs no assumption on the model.",
        limitations="Promises an average over all rows; for some groups it may not hold.",
        citations=("Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random World",),
        reference="test_soundness.py::test_conformal_sets_keep_their_promise",
    ),
)
