"""What a line of the spool must say, and whether what answered is what was approved."""

from mrm.prediction.policies.lines import COLUMNS, Line, Row, read
from mrm.prediction.policies.standing import Approved, differs, not_in_force

__all__ = ["COLUMNS", "Approved", "Line", "Row", "differs", "not_in_force", "read"]
