"""Pages of the evaluation: runs, the choice among alternatives, inspections, conversions, and the library of tests."""

from mrm.evaluation.views.choosing import choice_panel
from mrm.evaluation.views.converting import conversion_panel
from mrm.evaluation.views.inspection import inspection_panel
from mrm.evaluation.views.runs import version_panel

__all__ = ["choice_panel", "conversion_panel", "inspection_panel", "version_panel"]
