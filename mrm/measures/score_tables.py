"""Score histograms by outcome: every measure of ranking, calibration and shift as a function of counts.

A `ScoreTable` holds integers only, so tables of partitions add up to the table of the whole, bit
for bit. A score is known to the width of a bin; what that can change is computed and told in
`detail["bound"]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrm.measures.checks import Scores
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import Counts, bootstrap_counts, generator, of_distance, percentile
from mrm.measures.tables import FIXED_POINT, Cell, Summary

DRAWS = 200
GROUPS = 20


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Rows with a known outcome: `counts` (2, bins), events first; sums of both kinds in fixed point.

    Bins are of equal width between `low` and `high`, the score rising with the bin.
    """

    counts: Counts
    low: float
    high: float
    events: Cell
    others: Cell

    def __add__(self, other: ScoreTable) -> ScoreTable:
        if (self.low, self.high, self.counts.shape) != (other.low, other.high, other.counts.shape):
            raise ValueError("Score tables of different ranges or bins cannot be merged; summarise both alike.")
        both = self.counts + other.counts
        return ScoreTable(both, self.low, self.high, self.events + other.events, self.others + other.others)

    @property
    def n(self) -> int:
        return int(self.counts.sum())

    @property
    def middles(self) -> Scores:
        """The middle score of every bin, shape (bins,)."""
        bins = self.counts.shape[1]
        return np.asarray(self.low + (np.arange(bins) + 0.5) * (self.high - self.low) / bins)

    @property
    def half_width(self) -> float:
        return float((self.high - self.low) / self.counts.shape[1] / 2)


def score_table(summary: Summary, attribute: str | None = None, group: str | None = None) -> ScoreTable:
    """The score table of a summary, of all rows or of one group.

    Raises ValueError unless both outcomes occur.
    """
    place = None if attribute is None else summary.spec.attributes.index(attribute)
    sums = {1: Cell(0, 0, 0), 0: Cell(0, 0, 0)}
    for (groups, label, _), cell in summary.cells.items():
        if label in sums and (place is None or groups[place] == group):
            sums[label] += cell
    counts = np.stack([summary.histogram(attribute, group, label) for label in (1, 0)])
    for label, cell in sums.items():
        if cell.n == 0:
            raise ValueError(f"Column {summary.spec.label} has no row with {label}; ranking needs both outcomes.")
    return ScoreTable(counts, summary.spec.low, summary.spec.high, sums[1], sums[0])


def auc(table: ScoreTable, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Area under the ROC curve, ties and rows of one bin counted half (Bamber 1975, J. Math. Psych. 12:387).

    The exact area lies within `detail["bound"]`: half the share of pairs that meet in one bin.
    """
    events, others = table.counts
    pairs = float(events.sum()) * float(others.sum())
    bound = float((events.astype(np.float64) * others).sum() / pairs / 2)
    return _estimate(table, areas, "auc", "share of ordered pairs", seed, draws, bound)


def gini(table: ScoreTable, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Accuracy ratio 2 AUC - 1, the area ratio of the CAP curve (Basel Committee 2005, Working Paper 14)."""
    bound = 2 * auc(table, seed, 1).detail["bound"]
    return _estimate(table, lambda counts: 2 * areas(counts) - 1, "auc", "2 AUC - 1", seed, draws, bound)


def ks(table: ScoreTable, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Largest distance of the two outcomes' score distributions, at the edges of bins.

    The exact distance is at most `detail["bound"]` above: the largest share of an outcome in one bin.
    """
    bound = float((table.counts / table.counts.sum(axis=1, keepdims=True)).max())
    return _estimate(table, distances, "ks", "largest distance at bin edges", seed, draws, bound, of_distance)


def brier(table: ScoreTable, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Mean squared difference of probability and outcome (Brier 1950, Mon. Weather Rev. 78:1).

    The value comes from the sums in fixed point, the interval from the bins. Raises ValueError
    unless scores lie between 0 and 1.
    """
    _probabilities(table)
    value = _exact_brier(table)
    losses = np.stack([(table.middles - 1) ** 2, table.middles**2])
    found = _estimate(
        table,
        lambda counts: (counts * losses).sum(axis=(-2, -1)) / counts.sum(axis=(-2, -1)),
        "brier",
        "fixed-point sums",
        seed,
        draws,
        1 / FIXED_POINT,
    )
    shift = value - found.value
    assert found.lower is not None
    assert found.upper is not None
    return Estimate(value, found.lower + shift, found.upper + shift, found.method, found.n, detail=found.detail)


def ece(table: ScoreTable, seed: int = 0, draws: int = DRAWS, groups: int = GROUPS) -> Estimate:
    """Expected calibration error over groups of near-equal size, bins kept whole.

    Naeini, Cooper and Hauskrecht (2015, AAAI). Probabilities stand at the middle of their bin,
    which moves the value by at most `detail["bound"]`. The error of a perfectly calibrated model
    is above zero in any sample. Raises ValueError unless scores lie between 0 and 1.
    """
    _probabilities(table)
    place = equal_mass(table.counts.sum(axis=0), groups)
    method = f"{place.max() + 1} equal-mass groups of bins"
    return _estimate(
        table, lambda counts: calibration_gaps(counts, table.middles, place), "ece", method, seed, draws,
        table.half_width, of_distance,
    )  # fmt: skip


def areas(counts: NDArray[np.int64]) -> Scores:
    """AUC of each table, shape (..., 2, bins) to (...); NaN where one outcome is missing."""
    share = _shares(counts)
    below = share[..., 1, :].cumsum(axis=-1) - share[..., 1, :] / 2
    return np.asarray((share[..., 0, :] * below).sum(axis=-1))


def distances(counts: NDArray[np.int64]) -> Scores:
    """KS distance of each table, shape (..., 2, bins) to (...); NaN where one outcome is missing."""
    share = _shares(counts).cumsum(axis=-1)
    return np.asarray(np.abs(share[..., 0, :] - share[..., 1, :]).max(axis=-1))


def calibration_gaps(counts: NDArray[np.int64], middles: Scores, place: NDArray[np.intp]) -> Scores:
    """ECE of each table with bins grouped by `place`, shape (..., 2, bins) to (...)."""
    starts = np.flatnonzero(np.r_[True, np.diff(place) > 0])
    events = np.add.reduceat(counts[..., 0, :], starts, axis=-1)
    expected = np.add.reduceat(counts.sum(axis=-2) * middles, starts, axis=-1)
    return np.asarray(np.abs(events - expected).sum(axis=-1) / counts.sum(axis=(-2, -1)))


def equal_mass(rows: NDArray[np.int64], groups: int) -> NDArray[np.intp]:
    """The group of each bin, shape (bins,): consecutive, near-equal in rows, bins kept whole, none empty."""
    middle = rows.cumsum() - rows / 2
    place = np.minimum((middle * groups / rows.sum()).astype(np.intp), groups - 1)
    held = np.unique(place[rows > 0])
    return np.asarray(np.searchsorted(held, place).clip(max=held.size - 1))


def _shares(counts: NDArray[np.int64]) -> Scores:
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0))


def _estimate(
    table: ScoreTable, measure: Callable[[NDArray[np.int64]], Scores], name: str, method: str, seed: int, draws: int,
    bound: float, interval: Callable[[float, Scores], tuple[float | None, float | None]] | None = None,
) -> Estimate:  # fmt: skip
    value = float(measure(table.counts))
    samples = measure(bootstrap_counts(table.counts, draws, generator(seed, f"score table {name}")))
    low, high = interval(value, samples) if interval else percentile(samples)
    kind = "bootstrap, lower bound reflected" if interval else "percentile bootstrap"
    reason = "" if low is not None else "Too many bootstrap draws hold one outcome only."
    bins = table.counts.shape[1]
    method = f"{method}; {bins:,} score bins; {kind}, {draws:,} draws"
    return Estimate(value, low, high, method, table.n, reason, {"bound": bound})


def _exact_brier(table: ScoreTable) -> float:
    """Sum of p² - 2 p y + y over rows, from integers."""
    squares = table.events.squares + table.others.squares
    return (squares - 2 * table.events.total * FIXED_POINT + table.events.n * FIXED_POINT**2) / table.n / FIXED_POINT**2


def _probabilities(table: ScoreTable) -> None:
    if (table.low, table.high) != (0.0, 1.0):
        raise ValueError(
            f"The scores lie between {table.low:g} and {table.high:g} and are not probabilities; "
            "calibrate them to 0 to 1 first."
        )
