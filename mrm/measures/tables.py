"""The compressed table: counts, score sums and score histograms by group, outcome and decision.

`summarise` reads a batch once; every bias measure is a function of what it returns. All parts are
integers, so tables of partitions add up to the table of the whole, bit for bit, in any order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mrm.measures.batches import pieces
from mrm.measures.engine import ENGINE, Engine
from mrm.measures.specification import UNKNOWN_OUTCOME, ParquetBatch, Spec
from mrm.measures.tally import FIXED_POINT, Groups, Tally, outcome_and_decision

__all__ = [
    "FIXED_POINT", "UNKNOWN_OUTCOME", "Cell", "CellKey", "Groups", "Histogram", "ParquetBatch", "Spec", "Summary",
    "from_counts", "merge", "summaries", "summarise",
]  # fmt: skip

CellKey = tuple[Groups, int, int]
Histogram = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cell:
    """Rows of one cell, and the sums of their scores and squared scores in fixed point."""

    n: int
    total: int
    squares: int

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.n + other.n, self.total + other.total, self.squares + other.squares)


@dataclass(frozen=True, slots=True)
class Summary:
    """`cells` by (groups, label, favourable) and score `histograms` by (groups, label).

    `groups` follows `spec.dimensions`, None meaning unknown; label is 1, 0 or -1 (not known).
    """

    spec: Spec
    cells: Mapping[CellKey, Cell] = field(default_factory=dict)
    histograms: Mapping[tuple[Groups, int], Histogram] = field(default_factory=dict)

    @property
    def n(self) -> int:
        return sum(cell.n for cell in self.cells.values())

    def mean_and_variance(self, total: Cell) -> tuple[float, float]:
        """Mean and sample variance (ddof 1) of the scores behind `total`, in score units."""
        width = self.spec.high - self.spec.low
        mean = total.total / total.n / FIXED_POINT
        spread = total.squares * total.n - total.total * total.total
        variance = spread / (total.n * (total.n - 1)) / FIXED_POINT**2 if total.n > 1 else 0.0
        return self.spec.low + width * mean, width * width * variance

    def histogram(self, attribute: str | None = None, group: str | None = None, label: int | None = None) -> Histogram:
        """Rows per score bin, for one group of an attribute and one label or for all; shape (bins,)."""
        place = None if attribute is None else self.spec.dimensions.index(attribute)
        out = np.zeros(self.spec.bins, dtype=np.int64)
        for (groups, outcome), counts in self.histograms.items():
            if (place is None or groups[place] == group) and (label is None or outcome == label):
                out += counts
        return out

    def as_dict(self) -> dict[str, Any]:
        """Canonical JSON form: sorted, empty bins left out."""
        cells = sorted(([list(g), y, d, c.n, c.total, c.squares] for (g, y, d), c in self.cells.items()), key=repr)
        bins = sorted(
            ([list(g), y, [[int(i), int(h[i])] for i in np.flatnonzero(h)]] for (g, y), h in self.histograms.items()),
            key=repr,
        )
        spec = {name: getattr(self.spec, name) for name in Spec.__slots__}
        return {
            "spec": {**spec, "attributes": list(self.spec.attributes), "segments": list(self.spec.segments)},
            "cells": cells,
            "bins": bins,
        }

    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def summarise(batch: pd.DataFrame | ParquetBatch, spec: Spec, engine: Engine = ENGINE) -> Summary:
    """Compress a batch to its table of counts in one pass.

    A data frame carries label, score and attributes as columns; a `ParquetBatch` names files.
    Raises ValueError, with a sentence, on missing columns, null scores, scores outside the range,
    labels other than 0, 1 and null, and row ids that are not unique.
    """
    (made,) = summaries(batch, [spec], engine)
    return made


def summaries(batch: pd.DataFrame | ParquetBatch, specs: Sequence[Spec], engine: Engine = ENGINE) -> list[Summary]:
    """A table for each specification, which differ in their segments only, in one pass; raises as `summarise`."""
    segments = tuple(dict.fromkeys(name for spec in specs for name in spec.segments))
    tallies = [Tally(spec) for spec in specs]
    for piece in pieces(batch, replace(specs[0], segments=segments), engine):
        for tally in tallies:
            tally.add(piece)
    for tally in tallies:
        tally.check()
    return [_summary(tally) for tally in tallies]


def merge(first: Summary, second: Summary) -> Summary:
    """The summary of both batches together; associative and commutative, exactly.

    Raises ValueError if the two were made with different specifications.
    """
    if first.spec != second.spec:
        raise ValueError("Summaries of different specifications cannot be merged.")
    cells = dict(first.cells)
    for key, cell in second.cells.items():
        cells[key] = cells[key] + cell if key in cells else cell
    bins = dict(first.histograms)
    for place, counts in second.histograms.items():
        bins[place] = bins[place] + counts if place in bins else counts
    return replace(first, cells=cells, histograms=bins)


def from_counts(attribute: str, counts: Mapping[str, tuple[int, int]]) -> Summary:
    """A summary from published counts, group to (favourable, total); no outcomes, no scores."""
    spec = Spec("label", "score", 0.5, "at_or_above", (attribute,))
    cells: dict[CellKey, Cell] = {}
    for group, (favourable, total) in counts.items():
        cells[(group,), UNKNOWN_OUTCOME, 1] = Cell(favourable, 0, 0)
        cells[(group,), UNKNOWN_OUTCOME, 0] = Cell(total - favourable, 0, 0)
    return Summary(spec, cells)


def _summary(tally: Tally) -> Summary:
    cells: dict[CellKey, Cell] = {}
    bins: dict[tuple[Groups, int], Histogram] = {}
    for who in sorted(tally.places, key=repr):
        place = tally.places[who]
        counts = tally.bins[place]
        people = counts.sum(axis=1)
        for axis in np.flatnonzero(people):
            label, decision = outcome_and_decision(int(axis))
            cells[who, label, decision] = Cell(int(people[axis]), tally.totals[place][axis], tally.squares[place][axis])
            bins[who, label] = bins[who, label] + counts[axis] if (who, label) in bins else counts[axis]
    return Summary(tally.spec, cells, bins)
