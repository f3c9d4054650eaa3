"""Pages of the evaluation: runs, and the library of tests."""

from mrm.evaluation.views.runs import version_panel

__all__ = ["version_panel"]
