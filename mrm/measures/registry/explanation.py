"""What a score depends on, and whether its explanation can be relied on."""

from typing import Any

from mrm.measures.registry.entry import ANY_MODEL, SOUNDNESS, Entry

_ONE: dict[str, Any] = {
    "version": "1", "kinds": ("explainability",), "models": ANY_MODEL, "pillar": SOUNDNESS,
    "needs": ("features", "model"),
}  # fmt: skip

TESTS = (
    Entry(
        **_ONE,
        id="additivity",
        title="Additivity of the contributions",
        measures={"additivity": "Additivity of the contributions"},
        purpose="Do the contributions add up to the score?",
        mechanism="The largest gap of base plus contributions to the model's own output, on every explained row.",
        signs_of_risk="Anything above rounding: the contributions, and every reason drawn from them, are wrong.",
        strengths="Exact, on each row, and catches silent errors of explainers.",
        limitations="Contributions that add up may still rest on an ill-chosen background.",
        citations=("Lundberg and Lee (2017), Advances in Neural Information Processing Systems 30",),
        reference="explanation/test_shapley.py::test_the_silent_error_on_categorical_splits_is_caught",
    ),
    Entry(
        **_ONE,
        id="importance",
        title="What the score depends on",
        measures={"importance": "Mean absolute contribution"},
        purpose="Which features does the score depend on, and does that fit what is known of the business?",
        mechanism="The mean absolute contribution of each feature over the explained rows, with a bootstrap interval.",
        signs_of_risk="A feature in front that nobody expected, or one that stands in for a protected attribute.",
        strengths="In units of the score, and it adds up.",
        limitations="Shares of features that move together are divided among them; it says nothing of causes.",
        reference="explanation/test_shapley.py::test_importance_has_intervals_and_an_order",
    ),
    Entry(
        **_ONE,
        id="background-stability",
        title="Stability under another background",
        measures={"explanation_stability": "Same leading features under another background"},
        purpose="Would the reasons be the same if the background had been drawn anew?",
        mechanism="Some rows are explained again against a redrawn background; counted is the share with the same leaders.",
        signs_of_risk="A share under that which the institution promises to those it gives reasons to.",
        strengths="Judges what people are told rather than a number in a report.",
        limitations="On a sample of the rows.",
        reference="explanation/test_validity.py::test_leaders_agree_with_themselves_and_not_with_noise",
    ),
    Entry(
        **_ONE,
        id="explanation-agreement",
        title="Agreement with importance by permutation",
        measures={"explanation_agreement": "Agreement with importance by permutation"},
        purpose="Does another method put the features in the same order?",
        mechanism="Rank correlation of the mean contributions and of the loss when a feature is shuffled.",
        signs_of_risk="A low or negative correlation: one of the two misleads.",
        strengths="Two methods that err in different ways.",
        limitations="With few features a correlation is uncertain; both suffer from features that move together.",
        citations=("Breiman (2001), Machine Learning 45:5",),
        reference="explanation/test_validity.py::test_rank_agreement_is_spearman_with_its_interval",
    ),
    Entry(
        **_ONE,
        id="surrogate",
        title="A linear surrogate",
        measures={"surrogate_fidelity": "Share of the output that straight lines tell"},
        purpose="How much of the model could a linear one tell?",
        mechanism="R² of a linear model fitted to the model's outputs, on rows it was not fitted to.",
        signs_of_risk="A very high share asks why a complex model is used; a low one warns of linear readings.",
        strengths="A plain measure of complexity.",
        limitations="Says nothing of whether the complexity is warranted.",
        reference="explanation/test_validity.py::test_a_line_is_a_perfect_surrogate_of_a_line_and_none_of_a_parabola",
    ),
)
