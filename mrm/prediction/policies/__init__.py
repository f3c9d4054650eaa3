"""What a line of the spool must say, whether what answered is what was approved, and which data are scored in which parts."""

from mrm.prediction.policies.batch import (
    Piece,
    not_an_approved_use,
    not_scorable,
    not_the_pinned,
    pieces,
    seconds_left,
    too_many_parts,
)
from mrm.prediction.policies.lines import COLUMNS, Line, Row, read
from mrm.prediction.policies.standing import Approved, differs, not_in_force

__all__ = [
    "COLUMNS",
    "Approved",
    "Line",
    "Piece",
    "Row",
    "differs",
    "not_an_approved_use",
    "not_in_force",
    "not_scorable",
    "not_the_pinned",
    "pieces",
    "read",
    "seconds_left",
    "too_many_parts",
]
