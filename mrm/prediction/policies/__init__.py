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
from mrm.prediction.policies.way import (
    Serves,
    no_score,
    not_numbers,
    not_scored_there,
    not_taken_there,
    other_bytes,
    why_a_worker,
    why_the_place,
)

__all__ = [
    "COLUMNS",
    "Approved",
    "Line",
    "Piece",
    "Row",
    "Serves",
    "differs",
    "no_score",
    "not_an_approved_use",
    "not_in_force",
    "not_numbers",
    "not_scorable",
    "not_scored_there",
    "not_taken_there",
    "not_the_pinned",
    "other_bytes",
    "pieces",
    "read",
    "seconds_left",
    "too_many_parts",
    "why_a_worker",
    "why_the_place",
]
