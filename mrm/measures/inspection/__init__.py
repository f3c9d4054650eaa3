"""What the bytes of a model are and whether they hold more than a model; for the confined process only.

The format is read from the content, never from a name. Each tool that looked is named with its version
and with what it came to: clean, flagged, or unscannable where it could not tell.
"""

from mrm.measures.inspection.inspecting import inspect
from mrm.measures.inspection.report import Limits, Report

__all__ = ["Limits", "Report", "inspect"]
