"""Numbers as pages and prints show them: the same decimals per measure, a true minus sign."""

import re
from decimal import Decimal
from typing import Any

from mrm.evaluation.queries.naming import SHARES

MINUS = "\N{MINUS SIGN}"
NONE = "–"
_PERCENT = {"base_rate", "positive_rate", "accuracy", "balanced_accuracy", "true_positive_rate", "false_positive_rate",
            "positive_predictive_value", "negative_predictive_value", "selection_rate", "outcome_rate", "rows_evaluated", "outcome_not_known",
            "group_not_known", "too_few_to_conclude", "scoring_rate", "disparity_share", "adversarial_joint", "adversarial_single", "interval_coverage", "weighted_selection_rate",
            "missing_change", "out_of_range", "unseen", "capture", "mape", "smape", "missing_share", "duplicate_rows",
            "most_frequent_share", "type_violations", "train_test_overlap", "base_rate_change", "stale_rows", "conformal_gap",
            "outside_conditions", "outside_envelope", "outside_density", "noise_flips", "ablation_flips", "extreme_flips", "scenario_flips", "monotonicity_violations"} | SHARES  # fmt: skip
_DECIMALS = {
    "air": 2,
    "air_sweep": 2,
    "segmented_air": 2,
    "worst_cell_air": 2,
    "air_by_period": 2,
    "smd": 1,
    "shortfall": 0,
    "actual_to_expected": 2,
    "total_actual_to_expected": 3,
    "tpr_gap": 3,
    "fpr_gap": 3,
    "ppv_gap": 3,
    "importance": 4,
    "memory": 0,
    "explaining_cpu_per_thousand": 1,
    "lift": 2,
    "rank_order_breaks": 0,
    "rank_order_breaks_top": 0,
    "unit_change": 0,
    "variance_inflation": 2,
    "condition_number": 1,
    "cardinality_growth": 2,
}
# where what is left of nothing matters: errors and p-values
_SMALL = {"additivity", "explanation_repetition", "number", "spiegelhalter", "hosmer_lemeshow", "grade_binomial", "grade_jeffreys", "loss_paired_t",
          "durbin_watson", "breusch_pagan", "jarque_bera", "interval_coverage_test"}  # fmt: skip


def shown(measure: str, value: float | None, limits: tuple[float, ...] = ()) -> str:
    """The value in the measure's own unit; one that would round onto a limit keeps a further decimal."""
    if value is None:
        return NONE
    if measure in _PERCENT:
        return _signed(f"{100 * value:.1f} %")
    if measure in _SMALL and value and abs(value) < 0.0005:
        return _signed(f"{value:.1e}")
    decimals = _DECIMALS.get(measure, 3)
    text = f"{value:,.{decimals}f}"
    if any(float(f"{value:.{decimals}f}") == limit != value for limit in limits):
        text = f"{value:,.{decimals + 1}f}"
    return _signed(text)


def decimal(text: Any) -> str:
    """A number as entered, without the zeros that its column adds; a dash for none."""
    if text is None:
        return NONE
    return _signed(f"{Decimal(str(text)).normalize():f}")


def interval(measure: str, result: dict[str, Any], limits: tuple[float, ...] = ()) -> str:
    """Lower to upper; empty when there is none."""
    if result["lower"] is None or result["upper"] is None:
        return ""
    return f"{shown(measure, result['lower'], limits)} to {shown(measure, result['upper'], limits)}"


def _signed(text: str) -> str:
    return text.replace("-", MINUS)


def drawn_size(svg: str) -> tuple[int, int]:
    """Width and height of a drawing in whole pixels, so that a page keeps its place before it has loaded."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg[:2000])
    points = (float(found[1]), float(found[2])) if found else (645.0, 309.0)
    return round(points[0] * 4 / 3), round(points[1] * 4 / 3)
