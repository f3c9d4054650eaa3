"""Replay: folding the log gives the state, so what is live can be compared with it, row by row and field by field."""

from mrm.audit.replay.differences import Difference, Found
from mrm.audit.replay.run import Result, compare, compared, snapshot

__all__ = ["Difference", "Found", "Result", "compare", "compared", "snapshot"]
