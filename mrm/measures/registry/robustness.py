"""How the model answers to what it may meet."""

from typing import Any

from mrm.measures.registry.entry import ANY_MODEL, CLASSIFICATION, OUTCOMES, SOUNDNESS, Entry

_ONE: dict[str, Any] = {
    "version": "1", "kinds": ("robustness",), "models": (CLASSIFICATION,), "pillar": SOUNDNESS,
    "needs": ("labels", "features", "model"),
}  # fmt: skip

TESTS = (
    Entry(
        **_ONE,
        id="noise",
        title="Noise",
        measures={"noise_flips": "Decided otherwise under noise", "noise_auc": "Area under noise less before"},
        parameters={
            "levels": {
                "type": "array",
                "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 3},
                "minItems": 1,
                "maxItems": 10,
                "default": [0.1, 0.2, 0.3, 0.5, 1.0],
                "description": "Noise in standard deviations, or in shares of all ranks.",
            },
            "quantile": {
                "type": "boolean",
                "default": False,
                "description": "Move values to those of rows near in rank, so that only values that occur are tried.",
            },
        },
        purpose="Do small errors of measurement turn decisions?",
        mechanism="Noise of each level is put on all numeric features at once; decisions and ranking are compared row by row.",
        signs_of_risk="Many decisions turned by little noise: the decision rests on digits nobody vouches for.",
        strengths="One figure shows how fast the model gives way.",
        limitations="Noise on all features alike is nobody's error in practice; a mean hides rows that turn easily.",
        reference="test_robustness.py::test_more_noise_costs_more",
    ),
    Entry(
        **_ONE,
        id="ablation",
        title="Loss of a feature",
        measures={
            "ablation_flips": "Decided otherwise without the feature",
            "ablation_auc": "Area without the feature less before",
        },
        purpose="What happens if one source fails?",
        mechanism="Each numeric feature in turn is set to its median in every row.",
        signs_of_risk="One feature without which a large share is decided otherwise: its source needs watching.",
        strengths="Says which source matters, in decisions rather than in points.",
        limitations="A source may also fail with wrong values instead of none.",
        reference="test_robustness.py::test_the_column_that_matters_most_is_missed_most",
    ),
    Entry(
        **_ONE,
        id="extremes",
        title="Extreme and missing inputs",
        measures={"extreme_flips": "Decided otherwise at an extreme"},
        parameters={
            "beyond": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1000,
                "default": 10,
                "description": "Ranges beyond the smallest and the largest value that are tried.",
            }
        },
        purpose="Does the model answer, refuse or fail on inputs at the edge?",
        mechanism="Each numeric feature is set to its ends, far beyond them, and to missing, in every row.",
        signs_of_risk="A model that answers calmly where it cannot know; a failure that nobody handles.",
        strengths="Finds what a typing error or a changed unit would do.",
        limitations="One feature at a time.",
        reference="test_robustness.py::test_extremes_are_scored_or_refused",
    ),
    Entry(
        **(_ONE | {"needs": ("labels", "features", "model", "scenario")}),
        id="scenario",
        title="Scenario",
        measures={
            "scenario_flips": "Decided otherwise in the scenario",
            "scenario_score": "Change of the mean score in the scenario",
        },
        parameters={
            "shifts": {
                "type": "array",
                "maxItems": 30,
                "default": [],
                "ofRun": True,
                "items": {
                    "type": "object",
                    "required": ["column"],
                    "additionalProperties": False,
                    "properties": {
                        "column": {"type": "string"},
                        "factor": {"type": "number"},
                        "add": {"type": "number"},
                    },
                },
                "description": "Changes of features at once: times a factor, then plus an amount.",
            }
        },
        purpose="What would the model say if incomes fell and rates rose?",
        mechanism="All changes of the scenario are applied to every row, and scores and decisions compared.",
        signs_of_risk="A score that hardly moves, or moves the wrong way.",
        strengths="Speaks the language of stress tests.",
        limitations="Everybody is shifted alike; the relation of features to outcomes is taken to stand.",
        reference="test_robustness.py::test_a_scenario_moves_every_score_as_it_should",
    ),
    Entry(
        **(_ONE | {"needs": ("features", "model", "directions")}),
        id="monotonicity",
        title="Direction of features",
        measures={"monotonicity_violations": "Rows with a move against the direction"},
        parameters={
            name: {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": 200,
                "default": [],
                "ofRun": True,
                "description": f"Features with which the score may only {way}.",
            }
            for name, way in (("rising", "rise"), ("falling", "fall"))
        },
        purpose="Does the score move the way it must when one feature does?",
        mechanism="Each such feature is moved over its quantiles in every row, all else held; wrong moves are counted.",
        signs_of_risk="Any: more income raising the risk cannot be explained to anybody.",
        strengths="Looks at the model's own answers, whatever its form.",
        limitations="On a grid of quantiles and a sample of rows; combinations that do not occur are tried as well.",
        reference="test_robustness.py::test_wrong_moves_of_a_constrained_column_are_found",
    ),
    Entry(
        **(_ONE | {"needs": ("features", "model"), "models": ANY_MODEL}),
        id="elasticity",
        title="Elasticity, one feature at a time",
        measures={"elasticity": "Relative change of the score over that of the feature"},
        parameters={
            "step": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 0.5,
                "default": 0.01,
                "description": "Share by which each value is raised.",
            }
        },
        purpose="By how many per cent does the score move when one feature rises by one per cent?",
        mechanism="Each numeric feature in turn is raised by the step in every row, all else held; relative changes are averaged.",
        signs_of_risk="A feature with a pull far above what experience expects, or with the wrong sign.",
        strengths="Has no unit, so features compare.",
        limitations=(
            "A mean over rows hides steps and turns; a value of zero does not rise by a share. Features that move together in"
            " life are moved apart."
        ),
        reference="test_robustness.py::test_elasticity_of_a_power_is_its_exponent",
    ),
    Entry(
        **(_ONE | {"needs": ("scores", "features", "model")}),
        id="adversarial",
        title="Decisions that small changes turn",
        measures={
            "adversarial_joint": "Refusals turned by moving all features",
            "adversarial_single": "Refusals turned by moving one feature",
        },
        parameters={
            "budgets": {
                "type": "array",
                "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 3},
                "minItems": 1,
                "maxItems": 5,
                "default": [0.1, 0.25, 0.5],
                "description": "Largest change of a feature, in its standard deviations.",
            },
            "changeable": {
                "type": "array",
                "items": {"type": "string"},
                "maxItems": 200,
                "default": [],
                "ofRun": True,
                "description": "Features that an applicant can change; all that hold numbers when none is named.",
            },
        },
        purpose="How easily is an unfavourable decision turned by somebody who knows the model and shades his answers?",
        mechanism=(
            "A greedy search: each feature is moved either way by the budget, then all at once in the direction that helped;"
            " the unfavourable decisions that turn are counted."
        ),
        signs_of_risk="A feature that nobody verifies and that alone turns many refusals.",
        strengths="Needs no more than the model's answers, so it fits every form of model.",
        limitations="What it finds exists; what it does not find may exist, since only two moves of each feature are tried.",
        reference="test_robustness.py::test_an_attack_turns_more_with_a_larger_budget",
    ),
    Entry(
        **(_ONE | {"models": ANY_MODEL, "pillar": OUTCOMES, "needs": ("labels", "scores", "features")}),
        id="resilience",
        title="Resilience",
        measures={
            "worst_rows_loss": "Mean loss of the worst rows",
            "worst_cluster_gap": "Loss of a cluster above that of the rest",
        },
        parameters={
            "shares": {
                "type": "array",
                "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                "minItems": 1,
                "maxItems": 5,
                "default": [0.1, 0.2, 0.3],
                "description": "Shares of rows with the largest losses.",
            },
            "clusters": {
                "type": "integer",
                "minimum": 2,
                "maximum": 20,
                "default": 8,
                "description": "Clusters of rows alike.",
            },
        },
        purpose="If the population moved towards the people the model knows least, how bad would it get?",
        mechanism=(
            "The mean squared error of the worst rows, with the features in which they differ, and of clusters of rows"
            " alike. For amounts it is told in units of the outcome's variance."
        ),
        signs_of_risk="A cluster far worse than the rest that is likely to grow.",
        strengths="Looks ahead to a shift before it comes.",
        limitations="The worst rows are bad by construction; compare models or periods. Clusters are one way among many.",
        reference="test_robustness.py::test_the_worst_rows_and_the_worst_cluster_are_where_the_model_was_spoiled",
    ),
)
