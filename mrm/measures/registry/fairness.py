"""How decisions, scores and errors differ between groups."""

from typing import Any

from mrm.measures.registry.entry import CLASSIFICATION, MONITORING, OUTCOMES, SOUNDNESS, Entry

_ONE: dict[str, Any] = {
    "version": "1", "kinds": ("bias",), "models": (CLASSIFICATION,), "pillar": OUTCOMES,
    "needs": ("labels", "scores", "protected"),
}  # fmt: skip

TESTS = (
    Entry(
        **_ONE,
        id="selection",
        title="Favourable decisions by group",
        measures={
            "air": "Impact ratio",
            "selection_rate": "Favourable decisions",
            "selection_rate_difference": "Difference of favourable decisions",
            "selection_rate_homogeneity": "Equality of rates across groups",
            "shortfall": "Shortfall",
            "odds_ratio": "Odds ratio of a favourable decision",
            "demographic_parity_difference": "Demographic parity, difference",
            "demographic_parity_ratio": "Demographic parity, ratio",
        },
        purpose="Is each group decided favourably as often as its reference group?",
        mechanism=(
            "The share decided favourably over, and less, that of the reference group; p-values are adjusted over all"
            " groups, intervals come from redrawn counts. Both counts are recomputed with a second library."
        ),
        signs_of_risk="A ratio under four fifths that is also significant; a shortfall of many people.",
        strengths="Needs no outcome, so nobody is left out for whom none is known.",
        limitations=(
            "Compares rates, not people alike in what matters for the decision. Four fifths is a screening convention of"
            " employment; no lending regulator has codified it. Small groups are withheld or inconclusive."
        ),
        citations=("29 CFR 1607.4(D)", "6 RCNY 5-301"),
        reference="test_fairness.py::test_nyc_rule_text_example",
    ),
    Entry(
        **_ONE,
        id="error-parity",
        title="Errors by group",
        measures={
            "tpr_gap": "Good outcomes favoured, gap",
            "fpr_gap": "Bad outcomes favoured, gap",
            "fnr_gap": "Good outcomes refused, gap",
            "ppv_gap": "Good among the favoured, gap",
            "npv_gap": "Bad among the refused, gap",
            "for_gap": "Good among the refused, gap",
            "accuracy_gap": "Right decisions, gap",
            "average_odds_gap": "Average of both error gaps",
            "equalized_odds_gap": "Larger of both error gaps",
            "equal_opportunity_difference": "Equal opportunity, difference",
            "equalized_odds_difference": "Equalized odds, difference",
        },
        purpose="Of people whose outcome is the same, is one group refused or accepted more often?",
        mechanism="Rates within each outcome or each decision, less those of the reference group, with intervals.",
        signs_of_risk="Good payers of a group refused more often than those of the reference group.",
        strengths="Compares people who are alike in what happened.",
        limitations=(
            "Outcomes are often known only of the accepted, and may carry bias themselves. Where base rates differ, not"
            " all of these gaps can be zero at once."
        ),
        reference="test_fairness.py::test_fairlearn_agrees_on_every_rate",
    ),
    Entry(
        **_ONE,
        id="score-gap",
        title="Scores by group",
        measures={
            "smd": "Score gap, SMD × 100",
            "residual_smd": "Gap of score less outcome, SMD × 100",
            "scoring_rate": "Share above the median score",
            "scoring_rate_ratio": "Impact ratio of scoring rates",
        },
        purpose="Do the scores of groups lie apart, whatever the cut-off?",
        mechanism="The difference of mean scores in hundredths of the spread of all, and shares above the median of all.",
        signs_of_risk="A gap of scores that the gap of outcomes does not follow.",
        strengths="Holds before a cut-off is chosen, and where prices follow the score.",
        limitations="A mean hides where in the range the gap lies.",
        citations=("6 RCNY 5-301",),
        reference="test_parity.py::test_standardised_differences_of_scores_and_residuals",
    ),
    Entry(
        **_ONE,
        id="group-ranking",
        title="Ranking within and across groups",
        measures={"auc_gap": "Area under the ROC curve, gap", "xauc_gap": "Ranking across groups, gap"},
        purpose="Does the score rank one group's people worse, or rank one group's people below the other's?",
        mechanism="The area under the ROC curve within a group, and of pairs across groups, less that of the reference group.",
        signs_of_risk="A group whose people are ranked near chance: it carries the errors.",
        strengths="Needs no cut-off.",
        limitations="Needs events in every group; small groups have wide intervals.",
        reference="test_parity.py::test_areas_are_those_of_scikit_learn_on_binned_scores",
    ),
    Entry(
        **_ONE,
        id="group-calibration",
        title="Calibration within groups",
        measures={
            "ece_gap": "Calibration error, gap",
            "group_ece": "Calibration error within the group",
            "group_calibration_slope": "Calibration slope within the group",
        },
        purpose="Does a probability mean the same for every group?",
        mechanism="Calibration error and slope among the people of each group.",
        signs_of_risk="A group of whom more, or fewer, become events than the scores say.",
        strengths="Speaks of the meaning of the score, on which prices and limits rest.",
        limitations="A calibrated score may still decide unequally where base rates differ.",
        reference="test_parity.py::test_calibration_error_and_deciles_within_a_group",
    ),
    Entry(
        **_ONE,
        id="cutoff-sweep",
        title="Impact ratio over cut-offs and classes",
        measures={
            "air_sweep": "Impact ratio at every approval rate",
            "categorical_air": "Impact ratio at each ordered outcome",
        },
        purpose="Would the impact ratio stand at another cut-off, or in another class?",
        mechanism="The impact ratio at approval rates in steps, and at each divide of ordered outcomes.",
        signs_of_risk="A ratio that falls steeply near the cut-off in force.",
        strengths="Cut-offs move; this shows beforehand where to.",
        limitations="Many ratios are looked at, so some are low by chance.",
        reference="test_parity.py::test_the_other_direction_is_the_mirror_image",
    ),
    Entry(
        **_ONE,
        id="conditional-parity",
        title="Decisions given legitimate factors",
        measures={
            "common_odds_ratio": "Common odds ratio over segments",
            "segmented_air": "Impact ratio within segments",
            "conditional_odds_ratio": "Odds ratio given legitimate factors",
            "average_marginal_effect": "Average marginal effect given legitimate factors",
            "explained_gap": "Gap explained by legitimate factors",
            "unexplained_gap": "Gap not explained by legitimate factors",
        },
        purpose="Does the gap remain between people alike in the factors that may be decided by?",
        mechanism="Odds ratios pooled over segments, a regression with the factors, and the gap split by them.",
        signs_of_risk="A gap that the factors do not explain.",
        strengths="Shows whether the gap of all is one of composition, and guards against Simpson's reversal.",
        limitations="Whether a factor is legitimate is not for numbers to say; it may stand in for the group itself.",
        reference="test_conditional.py::test_two_by_two_by_four_of_the_handbook",
    ),
    Entry(
        **_ONE,
        id="intersections",
        title="The worst cell of crossed attributes",
        measures={"worst_cell_air": "Impact ratio of the worst cell"},
        purpose="Is there a combination of attributes that fares worse than each alone shows?",
        mechanism="The lowest impact ratio of all cells large enough, its interval that of the worst of so many.",
        signs_of_risk="A ratio whose interval lies under the limit.",
        strengths="Finds people whom the single attributes hide.",
        limitations="Cells are small; the worst of many is low by chance, which the interval allows for.",
        reference="test_proxies.py::test_worst_cell_has_the_interval_of_the_worst_of_so_many",
    ),
    Entry(
        **_ONE,
        id="population",
        title="Who is counted, and who is not",
        measures={
            "rows_evaluated": "Rows evaluated",
            "outcome_not_known": "Outcome not known",
            "group_not_known": "Group not known or withheld",
            "too_few_to_conclude": "In groups too small to conclude from",
            "outcome_rate": "Event rate within the group",
        },
        purpose="Of whom do the other results speak, and whom do they leave out?",
        mechanism="Counts of rows by whether outcome and group are known, and the event rate of each group that may be shown.",
        signs_of_risk="Many people without a group, or outcomes that are known only for those who were approved.",
        strengths="Says before any ratio how much of the population it can speak of.",
        limitations="Does not tell whether those without a group or an outcome differ from the others.",
        reference="test_bias_run.py::test_everybody_is_counted_and_what_is_withheld_is_in_no_table",
    ),
    Entry(
        **{**_ONE, "needs": ("scores", "protected", "dates"), "pillar": MONITORING},
        id="periods",
        title="Impact ratio through time",
        measures={"air_by_period": "Impact ratio through time, lowest"},
        purpose="Has the impact ratio moved beyond what chance explains from month to month?",
        mechanism="The ratio of each period against limits that the whole population sets for periods of that size.",
        signs_of_risk="A period below its limits, or a run of periods that fall.",
        strengths="Tells a lasting gap from one that has just begun.",
        limitations="Small periods have wide limits; a slow drift within them is not seen.",
        reference="test_bias_run.py::test_periods_of_one_process_stay_within_their_limits",
    ),
    Entry(
        **{**_ONE, "needs": ("features", "protected"), "pillar": SOUNDNESS},
        id="proxies",
        title="Features that stand in for a protected attribute",
        measures={
            "proxy_auc": "AUC of guessing the group from a feature",
            "proxy_auc_all_features": "AUC of guessing the group from all features",
            "proxy_cramers_v": "Association of a feature with the attribute, Cramér's V",
            "mutual_information": "Mutual information of a feature with the attribute",
        },
        purpose="Could the group of a person be guessed from what the model looks at?",
        mechanism="The area under the curve of guessing the group from each feature and from all, with measures of association.",
        signs_of_risk="A feature from which the group is guessed well, without a business reason for using it.",
        strengths="Looks at what goes into the model, so it needs neither outcomes nor decisions.",
        limitations="A feature may tell of a group and still be a legitimate factor; that is for people to judge.",
        reference="test_proxies.py::test_area_of_a_feature_is_that_of_scikit_learn_turned_upwards",
    ),
    Entry(
        **{**_ONE, "needs": ("labels", "scores", "protected", "probabilities")},
        id="memberships",
        title="Groups known as probabilities",
        measures={
            "weighted_selection_rate": "Favourable decisions, weighted by membership",
            "weighted_air": "Impact ratio, weighted by membership",
            "weighted_tpr_gap": "Good outcomes favoured, gap weighted by membership",
        },
        parameters={
            "attribute": {
                "type": "string",
                "maxLength": 120,
                "default": "estimated group",
                "ofRun": True,
                "description": "What the probabilities are of, as race.",
            },
            "columns": {
                "type": "array",
                "maxItems": 20,
                "default": [],
                "ofRun": True,
                "items": {
                    "type": "object",
                    "required": ["group", "column"],
                    "additionalProperties": False,
                    "properties": {"group": {"type": "string"}, "column": {"type": "string"}},
                },
                "description": "Each group with the column of the protected data that holds its probability.",
            },
            "reference": {
                "type": "string",
                "maxLength": 120,
                "default": "",
                "ofRun": True,
                "description": "The group the others are compared with; the first one named when empty.",
            },
        },
        purpose="Where nobody says which group he is of, do the decisions still differ between likely groups?",
        mechanism=(
            "Everybody counts in each group by the probability of being of it, as from surname and place; rates, ratios and"
            " gaps are weighted so, and intervals allow for people who count in both groups."
        ),
        signs_of_risk="A weighted ratio far under one whose interval leaves one out.",
        strengths="Nobody is put into a group; uncertain memberships make intervals wide, as they should.",
        limitations=(
            "Right only if the decision does not depend on the group once surname and place are known; else it leans, mostly"
            " towards no difference. The effective number of people is smaller than the rows."
        ),
        citations=("Elliott et al. (2009), HSORM 9:69", "Chen, Kallus, Mao, Svacha and Udell (2019)"),
        reference="test_memberships.py::test_certain_membership_is_the_ordinary_ratio",
    ),
    Entry(
        **{**_ONE, "needs": ("protected", "rank")},
        id="ranked-list",
        title="Groups in a ranked list",
        measures={
            "exposure_ratio": "Attention that a group gets over that of its reference",
            "skew_at_k": "Skew of the top of the list",
            "top_k_ratio": "Impact ratio of reaching the top",
            "ndkl": "Divergence of every top from the whole list",
        },
        parameters={
            "column": {
                "type": "string",
                "maxLength": 200,
                "default": "",
                "ofRun": True,
                "description": "Column with the place of each row in the list, 1 for the best.",
            },
            "tops": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1},
                "minItems": 1,
                "maxItems": 5,
                "default": [10, 100],
                "description": "Lengths of the top of the list that are looked at.",
            },
        },
        purpose="Where people are shown in an order, does each group reach the top, and get attention, as often as its reference?",
        mechanism=(
            "Attention falls with the logarithm of the place; its mean is compared with that of the reference. Shares of the"
            " top are compared with shares of all, and the whole list with its own shuffles."
        ),
        signs_of_risk="A ratio under four fifths at the top, or a divergence that shuffles hardly reach.",
        strengths="Sees what a cut-off does not: who is looked at first.",
        limitations="One list as a whole; how attention really falls with the place is assumed, not measured.",
        citations=("Singh and Joachims (2018)", "Geyik, Ambler and Kenthapadi (2019)"),
        reference="test_memberships.py::test_ranked_list_by_hand",
    ),
    Entry(
        **{**_ONE, "needs": ("features", "protected", "model"), "pillar": SOUNDNESS},
        id="disparity-share",
        title="Features that carry the gap",
        measures={"disparity_share": "Share of the score gap that a feature carries"},
        purpose="Which features make the scores of a group lie below or above those of its reference?",
        mechanism=(
            "Contributions that add up to each score are averaged within both groups; the differences by feature then add"
            " up to the gap exactly, and each is told as a share of it. Intervals come from redrawn rows."
        ),
        signs_of_risk="One feature that carries more than a fifth of the gap without a business reason on record.",
        strengths="Splits the gap itself, where a guess of the group from a feature tells only what could be.",
        limitations=(
            "Of the rows that are explained, and in the unit of the explanation. Shares of features that move together depend"
            " on how the explainer divides what they tell in common; where the gap may be chance they are not judged."
        ),
        citations=("Lundberg (2020), Explaining quantitative measures of fairness",),
        reference="test_proxies.py::test_shares_of_the_disparity_add_up_to_the_gap",
    ),
    Entry(
        **{
            **_ONE,
            "kinds": ("alternatives",),
            "needs": ("labels", "features", "protected", "training"),
            "pillar": SOUNDNESS,
        },
        id="alternatives",
        title="Search for less discriminatory alternatives",
        measures={
            "alternative_lowest_air": "Lowest impact ratio of a candidate",
            "alternative_confirmed_air": "Lowest impact ratio of the proposed candidate, confirmed",
        },
        purpose="Is there a model that decides about as well and treats groups less unequally?",
        mechanism=(
            "Cut-offs, features left out, re-weighted rows, other parameters and models fitted towards equal rates are"
            " judged on rows that fitted none; the proposed one again on rows that chose none. What may be given up is set before."
        ),
        signs_of_risk="A candidate within the tolerance whose lowest ratio is clearly above the model's own.",
        strengths="Every candidate is kept with the reason why it was or was not proposed.",
        limitations="Finds none is not proof that there is none: candidates are of the named kind of model.",
        reference="test_search.py::test_the_one_chosen_is_the_least_discriminatory_within_tolerance",
    ),
)
