"""The measures of an explanation by the names that pages and prints give them."""

EXPLAINING = {
    "additivity": "Additivity of the contributions",
    "importance": "Mean absolute contribution",
    "explanation_repetition": "Difference of rows explained twice",
    "explanation_stability": "Same leading features under another background",
    "explanation_noise": "Same leading features under a little noise",
    "explanation_agreement": "Agreement with importance by permutation",
    "surrogate_fidelity": "Share of the output that straight lines tell",
    "importance_error": "Error of the leading importances by sample size",
    "deletion_leading": "Change when the leading features are taken away",
    "deletion_chance": "Change when features drawn by chance are taken away",
    "attribution_drift": "Order of features as in the training data",
    "direction_breaks": "Rows that move against the expected direction",
    "interaction": "Interaction of two features, H²",
    "attribution_gap": "Gap of mean outputs",
    "reason_coverage": "Declined with a reason",
    "reason_fidelity": "Reasons whose factor improves the output",
    "reason_stability": "Same reasons under another background",
    "reason_share": "Share of declined with a reason",
    "reason_share_group": "Share of declined with a reason, by group",
}
# one row for each feature, pair, group or code: these have tables of their own
MANY = {"importance", "direction_breaks", "interaction", "attribution_gap", "reason_share", "reason_share_group"}
SHARES = {"explanation_stability", "explanation_noise", "importance_error", "direction_breaks", "reason_coverage",
          "reason_fidelity", "reason_stability", "reason_share", "reason_share_group"}  # fmt: skip
