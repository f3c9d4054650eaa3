"""Charts as SVG for page and print: `draw_x(data, theme)` draws, `describe_x(data)` says it in words.

Equal data gives equal bytes. Titles stand in the page, never in the image.
"""

from mrm.measures.charts.bars import (
    Bar,
    describe_contributions,
    describe_importance,
    describe_rates,
    describe_shifts,
    draw_contributions,
    draw_importance,
    draw_rates,
    draw_shifts,
)
from mrm.measures.charts.cells import CellGrid, GridCell, describe_cells, draw_cells
from mrm.measures.charts.curves import (
    CalibrationPoint,
    Distribution,
    describe_calibration,
    describe_distribution,
    draw_calibration,
    draw_distribution,
)
from mrm.measures.charts.effects import (
    THIRDS,
    Effect,
    Spread,
    describe_effects,
    describe_spread,
    draw_effects,
    draw_spread,
)
from mrm.measures.charts.forest import Forest, ForestRow, describe_forest, draw_forest
from mrm.measures.charts.lines import Curves, Panel, Point, Series, describe_curves, draw_curves
from mrm.measures.charts.listed import describe_listed, draw_listed
from mrm.measures.charts.shares import draw_shares
from mrm.measures.charts.theme import THEMES, in_dark, register_font

__all__ = [
    "THEMES",
    "THIRDS",
    "Bar",
    "CalibrationPoint",
    "CellGrid",
    "Curves",
    "Distribution",
    "Effect",
    "Forest",
    "ForestRow",
    "GridCell",
    "Panel",
    "Point",
    "Series",
    "Spread",
    "describe_calibration",
    "describe_cells",
    "describe_contributions",
    "describe_curves",
    "describe_distribution",
    "describe_effects",
    "describe_forest",
    "describe_importance",
    "describe_listed",
    "describe_rates",
    "describe_shifts",
    "describe_spread",
    "draw_calibration",
    "draw_cells",
    "draw_contributions",
    "draw_curves",
    "draw_distribution",
    "draw_effects",
    "draw_forest",
    "draw_importance",
    "draw_listed",
    "draw_rates",
    "draw_shares",
    "draw_shifts",
    "draw_spread",
    "in_dark",
    "register_font",
]
