"""How pages and prints show the measures of an explanation."""

# one row for each feature, pair, group or code: these have tables of their own
MANY = {"importance", "direction_breaks", "interaction", "attribution_gap", "reason_share", "reason_share_group"}
SHARES = {"explanation_stability", "explanation_noise", "importance_error", "direction_breaks", "reason_coverage",
          "reason_fidelity", "reason_stability", "reason_share", "reason_share_group"}  # fmt: skip
