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
)
