"""Whether a score means what it meant: event rates by band, and what the scores promise against what came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import Scores, counts, same_length
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import (
    benjamini_hochberg,
    bootstrap_counts,
    generator,
    newcombe,
    percentile,
    two_proportions,
)
from mrm.measures.score_tables import ScoreTable, areas


@dataclass(frozen=True, slots=True)
class BandChange:
    """Change of one band's event rate, current less reference; None where a side has no row.

    `p` is that of the two rates, `p_adjusted` adjusted for the number of bands.
    """

    band: int
    change: Estimate | None
    p: float | None
    p_adjusted: float | None


def rate_changes(
    reference_events: ArrayLike, reference_n: ArrayLike, events: ArrayLike, n: ArrayLike
) -> tuple[tuple[BandChange, ...], HypothesisTest]:
    """P(event | band) now against the reference: change of each band, and one test of all; shapes (bands,).

    Bands are frozen on the reference. Intervals after Newcombe (1998), p-values adjusted after
    Benjamini and Hochberg (1995); the joint test adds the bands' squared z. Raises ValueError on
    events above rows, or if no band has rows and both outcomes.
    """
    e0, n0 = counts(reference_events, "reference events"), counts(reference_n, "reference rows")
    e1, n1 = counts(events, "events"), counts(n, "rows")
    same_length(reference_events=e0, reference_rows=n0, events=e1, rows=n1)
    for name, part, whole in (("reference events", e0, n0), ("events", e1, n1)):
        if (part > whole).any():
            row = int(np.argmax(part > whole))
            raise ValueError(
                f"Column {name}, band {row + 1}: {part[row]:,} events of {whole[row]:,} rows; correct either."
            )
    held = (n0 > 0) & (n1 > 0)
    pairs = [((int(e1[i]), int(n1[i])), (int(e0[i]), int(n0[i]))) for i in np.flatnonzero(held)]
    p_values = [two_proportions(*pair).p for pair in pairs]
    found = dict(
        zip(np.flatnonzero(held).tolist(), zip(pairs, p_values, benjamini_hochberg(p_values), strict=True), strict=True)
    )
    changes = tuple(
        BandChange(band, _change(*found[band][0]), found[band][1], found[band][2])
        if band in found else BandChange(band, None, None, None)
        for band in range(n0.size)
    )  # fmt: skip
    return changes, _joint(e0, n0, e1, n1)


def promised_auc(table: ScoreTable, seed: int = 0, draws: int = 200) -> tuple[Estimate, Estimate]:
    """AUC that the probabilities promise if they are true, and promised less realised AUC.

    The promise needs no outcome: a row of probability p counts as p events and 1 - p non-events.
    A gap that grows while the population is stable says that the relation to the outcome changed.
    Interval: percentile bootstrap of bin by outcome. Raises ValueError unless scores lie between 0
    and 1.
    """
    if (table.low, table.high) != (0.0, 1.0):
        raise ValueError("The scores are not probabilities and promise nothing; calibrate them to 0 to 1 first.")
    drawn = bootstrap_counts(table.counts, draws, generator(seed, "promised"))
    promised, samples = _promised(table.counts, table.middles), _promised(drawn, table.middles)
    gaps = samples - areas(drawn)
    method = f"probabilities taken as true; percentile bootstrap, {draws:,} draws"
    out = []
    for value, sample in ((promised, samples), (promised - areas(table.counts), gaps)):
        low, high = percentile(sample)
        reason = "" if low is not None else "Too many bootstrap draws hold one outcome only."
        out.append(Estimate(float(value), low, high, method, table.n, reason))
    return out[0], out[1]


def _promised(tables: np.ndarray, middles: Scores) -> Scores:
    n = tables.sum(axis=-2)
    return areas(np.stack([n * middles, n * (1 - middles)], axis=-2))


def _change(now: tuple[int, int], before: tuple[int, int]) -> Estimate:
    low, high = newcombe(now, before)
    value = now[0] / now[1] - before[0] / before[1]
    return Estimate(value, low, high, "difference of event rates; Newcombe interval", now[1])


def _joint(e0: np.ndarray, n0: np.ndarray, e1: np.ndarray, n1: np.ndarray) -> HypothesisTest:
    """Sum of the bands' squared z, chi-square with as many degrees as bands that have both outcomes."""
    rows = n0 + n1
    pooled = np.divide(e0 + e1, rows, out=np.zeros(rows.size), where=rows > 0)
    useful = (n0 > 0) & (n1 > 0) & (pooled > 0) & (pooled < 1)
    if not useful.any():
        raise ValueError("No band has rows of both times and both outcomes; take wider bands or more rows.")
    e0, n0, e1, n1, pooled = (each[useful] for each in (e0, n0, e1, n1, pooled))
    z2 = (e1 / n1 - e0 / n0) ** 2 / (pooled * (1 - pooled) * (1 / n0 + 1 / n1))
    statistic, degrees = float(z2.sum()), int(useful.sum())
    null = "The event rate of every band is that of the reference."
    return HypothesisTest("Rates by band", statistic, float(stats.chi2.sf(statistic, degrees)), int(n1.sum()), null,
                          "sum of squared z over bands", degrees)  # fmt: skip
