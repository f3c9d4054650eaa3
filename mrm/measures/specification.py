"""What a batch is: which columns mean what, which side of the cut-off is favourable, which files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

UNKNOWN_OUTCOME = -1


@dataclass(frozen=True, slots=True)
class Spec:
    """What the columns mean.

    `label` holds 1, 0 or null (outcome not known); `score` lies in [`low`, `high`]. A decision is
    favourable if the score is "below" or "at_or_above" the cut-off. Rows without a value in an
    attribute belong to no group of it. `segments` are columns that are not protected (a channel, a
    legitimate factor in bands), by which decisions can be stratified.
    """

    label: str
    score: str
    cutoff: float
    favourable: str
    attributes: tuple[str, ...] = ()
    row_id: str = "row_id"
    bins: int = 1000
    low: float = 0.0
    high: float = 1.0
    segments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.favourable not in ("below", "at_or_above"):
            raise ValueError('The favourable side is "below" or "at_or_above" the cut-off.')
        if not self.low < self.high or self.bins < 1:
            raise ValueError("The score range and the number of bins must be positive.")
        repeated = sorted({name for name in self.dimensions if self.dimensions.count(name) > 1})
        if repeated:
            raise ValueError(f"{', '.join(repeated)} is named twice among attributes and segments.")

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What the rows are grouped by: the protected attributes, then the segments."""
        return (*self.attributes, *self.segments)

    @property
    def good_outcome(self) -> int:
        """The label of people for whom the favourable decision turns out right."""
        return 1 if self.favourable == "at_or_above" else 0

    @property
    def is_probability(self) -> bool:
        """Whether the score can be read as a probability of the label 1."""
        return (self.low, self.high) == (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class ParquetBatch:
    """Labels, scores and segments in one file; protected attributes in another, joined by row id."""

    scored: Path
    protected: Path | None = None
