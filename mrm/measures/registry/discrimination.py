"""How well a score tells events from the others, and what decisions at the cut-off come to."""

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
        id="roc-area",
        title="Area under the ROC curve",
        pillar=OUTCOMES,
        measures={"auc": "Area under the ROC curve", "gini": "Gini"},
        purpose="Does a higher score go with more events, whatever the cut-off?",
        mechanism=(
            "The share of pairs of an event and a non-event in which the event has the higher score; equal scores"
            " count half. Gini is twice that less one. The interval is DeLong's."
        ),
        signs_of_risk=(
            "A value near 0.5 ranks by chance. A fall since development by more than its interval says the ranking has"
            " aged. A value close to 1 outside development asks for a search for leakage."
        ),
        strengths="Needs no cut-off and no calibration, does not change with the share of events, and has a known error.",
        limitations=(
            "Says nothing about the level of the probabilities; weighs parts of the ranking in which nobody decides; two"
            " models of the same area may err on different people."
        ),
        citations=(
            "DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44:837",
            "Basel Committee on Banking Supervision (2005), Working Paper 14",
        ),
        reference="test_performance.py::test_breast_cancer_reference_case",
    ),
    Entry(
        **_ONE,
        id="kolmogorov-smirnov",
        title="Kolmogorov-Smirnov distance of the outcomes",
        pillar=OUTCOMES,
        measures={"ks": "Kolmogorov-Smirnov"},
        purpose="How far apart do the scores of events and of the others lie where they lie farthest apart?",
        mechanism="The largest gap between the two cumulative distributions of the score, with a bootstrap interval.",
        signs_of_risk="A low value, or one that has fallen: no cut-off then parts the outcomes well.",
        strengths="Easily read off a chart, and points at the score at which both outcomes part best.",
        limitations="Looks at one point of the score only, which may not be the one that is decided by.",
        reference="test_performance.py::test_agrees_with_scikit_learn",
    ),
    Entry(
        **_ONE,
        id="precision-recall",
        title="Precision and recall",
        pillar=OUTCOMES,
        measures={"average_precision": "Area under the precision-recall curve"},
        purpose="If events are rare: how many of those at the top of the list are events?",
        mechanism="Precision at every score, weighted by the events there; a step function without interpolation.",
        signs_of_risk="A value near the share of events, which a ranking by chance reaches as well.",
        strengths="Looks at the end of the list that is worked on, where the ROC curve of rare events flatters.",
        limitations="Depends on the share of events, so it does not compare across samples with other shares.",
        citations=("Boyd, Eng and Page (2013), ECML PKDD",),
        reference="test_discrimination.py::test_average_precision_agrees_with_scikit_learn",
    ),
    Entry(
        **_ONE,
        id="capture",
        title="Lift and capture",
        pillar=OUTCOMES,
        measures={"capture": "Events among the riskiest rows", "lift": "Lift of the riskiest rows"},
        parameters={
            "share": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1,
                "default": 0.1,
                "description": "Share of rows, from the riskiest down, in which events are counted.",
            }
        },
        purpose="If only the riskiest part can be looked at, how many of the events are in it?",
        mechanism="Read off the cumulative accuracy profile: the share of all events among the riskiest share of rows.",
        signs_of_risk="A lift near 1: a random choice of rows would hold as many events.",
        strengths="Speaks in the terms of whoever has a limited number of cases to look at.",
        limitations="Turns on the share that is asked for, and cannot exceed one over the share of events.",
        citations=("Basel Committee on Banking Supervision (2005), Working Paper 14",),
        reference="test_discrimination.py::test_lift_by_hand",
    ),
    Entry(
        **_ONE,
        id="rank-order",
        title="Rank order of bands",
        pillar=OUTCOMES,
        measures={
            "rank_order_breaks": "Breaks of the rank order",
            "rank_order_breaks_top": "Breaks in the riskiest half",
        },
        parameters={
            "groups": {
                "type": "integer",
                "minimum": 4,
                "maximum": 50,
                "default": 10,
                "description": "Bands of near-equal size that the rows are divided into.",
            }
        },
        purpose="Does every band of the score hold fewer events than the riskier band before it?",
        mechanism="Counts bands of near-equal size whose event rate is above that of the riskier band; each break is tested.",
        signs_of_risk="Breaks among the riskier bands, above all those that are significant.",
        strengths="Finds places where the order fails though the overall ranking is good.",
        limitations="In small bands a break is often chance; the count depends on the number of bands.",
        reference="test_discrimination.py::test_breaks_of_the_order_are_counted_and_tested",
    ),
    Entry(
        **_ONE,
        id="separation",
        title="Separation of the outcomes",
        pillar=OUTCOMES,
        measures={"information_value": "Information value of the score", "divergence": "Divergence of the score"},
        purpose="How much does the score say about the outcome, in bands and in its means?",
        mechanism=(
            "Information value is the symmetric divergence of the shares of both outcomes over ten bands of the score;"
            " divergence is the squared distance of both means over the mean variance."
        ),
        signs_of_risk="An information value under 0.1 is weak; one far above 0.5 asks for a search for leakage.",
        strengths="Adds up over bands, so that it shows which part of the score carries the information.",
        limitations="Depends on the bands; divergence takes the score for near normal in both outcomes.",
        citations=("Kullback and Leibler (1951), Annals of Mathematical Statistics 22:79",),
        reference="test_discrimination.py::test_divergence_is_the_squared_distance_of_normals",
    ),
    Entry(
        **_ONE,
        id="decisions",
        title="Decisions at the cut-off",
        pillar=OUTCOMES,
        measures={
            "base_rate": "Event rate",
            "positive_rate": "Share at or above the cut-off",
            "accuracy": "Accuracy at the cut-off",
            "balanced_accuracy": "Balanced accuracy",
            "true_positive_rate": "True positive rate",
            "false_positive_rate": "False positive rate",
            "positive_predictive_value": "Positive predictive value",
            "negative_predictive_value": "Negative predictive value",
            "f1": "F1 at the cut-off",
            "matthews": "Matthews correlation at the cut-off",
        },
        purpose="What do the decisions at the cut-off in force come to?",
        mechanism="Counts rows by outcome and by side of the cut-off; every rate is a share of such a count.",
        signs_of_risk="Rates that differ from what was approved; a correlation near 0, which a coin reaches.",
        strengths="Speaks of what is decided rather than of the score.",
        limitations=(
            "Holds for one cut-off only. Accuracy is high for rare events without any skill. Outcomes are often known"
            " only of those who were accepted."
        ),
        citations=("Matthews (1975), Biochimica et Biophysica Acta 405:442",),
        reference="test_discrimination.py::test_decisions_agree_with_scikit_learn",
    ),
)
