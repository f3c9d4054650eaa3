"""The log of answers with what hangs on it, and data sets scored as a whole."""

from mrm.prediction.models.batch import OPEN, BatchPart, BatchRun
from mrm.prediction.models.log import (
    Alert,
    AlertKind,
    Archive,
    Extract,
    ExtractFormat,
    Hour,
    Outcome,
    Prediction,
    TakenFile,
)

__all__ = [
    "OPEN",
    "Alert",
    "AlertKind",
    "Archive",
    "BatchPart",
    "BatchRun",
    "Extract",
    "ExtractFormat",
    "Hour",
    "Outcome",
    "Prediction",
    "TakenFile",
]
