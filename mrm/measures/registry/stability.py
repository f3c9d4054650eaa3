"""How far the population has moved from the one that the model was made on."""

from typing import Any

from mrm.measures.registry.entry import ANY_MODEL, MONITORING, Entry

_ONE: dict[str, Any] = {
    "version": "1", "kinds": ("stability",), "models": ANY_MODEL, "pillar": MONITORING,
    "needs": ("features", "training"),
}  # fmt: skip

TESTS = (
    Entry(
        **_ONE,
        id="population-stability",
        title="Population stability index",
        measures={"psi": "Population stability index"},
        purpose="Has the distribution of the score or of a feature shifted?",
        mechanism=(
            "Ten bins frozen on the training data, with bins of their own for missing, below, above and unseen values;"
            " the index is the symmetric divergence of the shares. Beside it stands what equal populations reach by chance."
        ),
        signs_of_risk="A value beyond the limit and beyond chance; the bins tell where.",
        strengths="One number a column, the same from month to month; one outlier does not move it.",
        limitations=(
            "The customary limits are a convention and take no account of the number of rows. A shift need not harm the"
            " model, and a harmful change of the relation need not show."
        ),
        reference="test_stability.py::test_psi_reference_case_by_hand",
    ),
    Entry(
        **_ONE,
        id="distribution-distance",
        title="Distances of distributions",
        measures={
            "jensen_shannon": "Jensen-Shannon distance",
            "kolmogorov_smirnov": "Kolmogorov-Smirnov distance of both samples",
            "wasserstein": "Wasserstein distance over the reference's spread",
            "cramers_v": "Cramér's V",
        },
        purpose="How far has a column moved, by measures that do not depend on the number of rows?",
        mechanism="Four distances of the binned distributions, those that fit the type of the column.",
        signs_of_risk="Several of them large at once.",
        strengths="Sizes of an effect rather than p-values, which are all zero at a million rows.",
        limitations="Limits are convention; bins hide what moves within them.",
        reference="test_stability.py::test_distances_agree_with_scipy",
    ),
    Entry(
        **_ONE,
        id="new-values",
        title="Missing, out of range, unseen",
        measures={
            "missing_change": "Change of the share missing",
            "out_of_range": "Share outside the reference's range",
            "unseen": "Share in categories the reference did not hold",
        },
        purpose="Does the model meet values it was not made on?",
        mechanism="Shares of rows that are missing more often, lie outside the training data's range, or hold new categories.",
        signs_of_risk="Any share that grows: the model extrapolates.",
        strengths="Names the column, and is often the first sign of a changed source.",
        limitations="A value within the range may still be new in combination with others.",
        reference="test_stability_assessment.py::test_a_new_category_counts_as_unseen",
    ),
    Entry(
        **(_ONE | {"needs": ("domain",)}),
        id="domain-of-use",
        title="Domain of use",
        measures={"outside_conditions": "Rows outside the domain of use"},
        purpose="Is the model used on anybody it was not approved for?",
        mechanism="Each row is held to the conditions that the version declares and that were signed; the rows are named.",
        signs_of_risk="Any row: the applicant of Arizona at a model approved for California.",
        strengths="Exact, and says of each row why it belongs to a person instead.",
        limitations="As good as the conditions that were written down; a column that is missing cannot be held to any.",
        reference="test_shift.py::test_the_arizona_applicant_of_a_california_model_is_named",
    ),
    Entry(
        **_ONE,
        id="envelope",
        title="Envelope of the training data",
        measures={
            "outside_envelope": "Rows outside the training data's range",
            "outside_density": "Rows where the training data were thin",
        },
        purpose="How many rows lie where the model has seen nobody, or hardly anybody?",
        mechanism=(
            "Rows with a value beyond the range, or in a category, of the training data; and rows whose combination of"
            " numbers is rarer than 99 % of the training data's, by Mahalanobis distance."
        ),
        signs_of_risk="Shares well above the one per cent that the training data themselves have.",
        strengths="Sees combinations, not columns alone.",
        limitations="The distance takes the numbers for near normal; a missing value says nothing.",
        citations=("Mahalanobis (1936), Proceedings of the National Institute of Sciences of India 2:49",),
        reference="test_shift.py::test_envelope_and_density_say_why",
    ),
)
