"""Charts as SVG for page and print: `draw_x(data, theme)` draws, `describe_x(data)` says it in words.

Equal data gives equal bytes. Titles stand in the page, never in the image.
"""

from mrm.measures.charts.bars import (
    Bar,
    describe_contributions,
    describe_importance,
    describe_marks,
    describe_rates,
    describe_shifts,
    draw_contributions,
    draw_importance,
    draw_marks,
    draw_rates,
    draw_shifts,
)
from mrm.measures.charts.curves import (
    CalibrationPoint,
    Distribution,
    Line,
    describe_calibration,
    describe_distribution,
    draw_calibration,
    draw_distribution,
    draw_lines,
)
from mrm.measures.charts.forest import Forest, ForestRow, describe_forest, draw_forest
from mrm.measures.charts.theme import THEMES, register_font

__all__ = [
    "THEMES",
    "Bar",
    "CalibrationPoint",
    "Distribution",
    "Forest",
    "ForestRow",
    "Line",
    "describe_calibration",
    "describe_contributions",
    "describe_distribution",
    "describe_forest",
    "describe_importance",
    "describe_marks",
    "describe_rates",
    "describe_shifts",
    "draw_calibration",
    "draw_contributions",
    "draw_distribution",
    "draw_forest",
    "draw_importance",
    "draw_lines",
    "draw_marks",
    "draw_rates",
    "draw_shifts",
    "register_font",
]
