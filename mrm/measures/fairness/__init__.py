"""Bias measures: every group against its reference group, from the compressed table.

`fairness` gives all measures of a summary; the rooms beside it hold one subject each.
"""

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.assessment import MEASURES, fairness, withheld_groups
from mrm.measures.fairness.comparison import UNKNOWN
from mrm.measures.fairness.selection import impact_ratio

__all__ = ["MEASURES", "UNKNOWN", "FairnessSettings", "fairness", "impact_ratio", "withheld_groups"]
