"""Curves and bands of a ranking: CAP, lift and capture by share of the population, rank-order breaks.

Each works on bands: `events` and `n`, both (bands,), from the highest score to the lowest. A score
table gives one band per bin, `bands` one per distinct score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrm.measures.checks import Labels, Scores
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import bootstrap_counts, generator, percentile, two_proportions, wilson
from mrm.measures.score_tables import ScoreTable, equal_mass

DECILES = tuple(k / 10 for k in range(1, 11))


@dataclass(frozen=True, slots=True)
class Bands:
    """Events and rows by score from the highest down, shapes (bands,)."""

    events: Labels
    n: Labels

    def __post_init__(self) -> None:
        if self.events.sum() == 0 or self.events.sum() == self.n.sum():
            raise ValueError("All rows have the same outcome; ranking needs events and non-events.")


@dataclass(frozen=True, slots=True)
class Lift:
    """The riskiest share of rows: the share of events in it, and that over the share of rows."""

    share: float
    capture: Estimate
    lift: Estimate


@dataclass(frozen=True, slots=True)
class Decile:
    """One band of near-equal size: rows, events, rate with Wilson interval, and the p-value of a break.

    `p` tests the rate against that of the band before where it is higher, and is None elsewhere.
    """

    n: int
    events: int
    rate: float
    lower: float
    upper: float
    p: float | None


@dataclass(frozen=True, slots=True)
class RankOrder:
    """Breaks of the order in all deciles and in the top five, and the deciles."""

    breaks: Estimate
    top_breaks: Estimate
    deciles: tuple[Decile, ...]


def bands(labels: Labels, scores: Scores) -> Bands:
    """One band per distinct score; shapes (n,). Raises ValueError if one outcome is missing."""
    values, place = np.unique(-scores, return_inverse=True)
    n = np.bincount(place, minlength=values.size)
    return Bands(np.bincount(place, weights=labels, minlength=values.size).astype(np.int64), n.astype(np.int64))


def bands_of(table: ScoreTable) -> Bands:
    """One band per score bin that holds rows."""
    n = table.counts.sum(axis=0)[::-1]
    return Bands(table.counts[0, ::-1][n > 0], n[n > 0])


def cap(ranked: Bands) -> tuple[Scores, Scores]:
    """Cumulative accuracy profile: shares of rows and of events from the riskiest down.

    Both (bands + 1,), from 0 to 1 (Basel Committee 2005, Working Paper 14).
    """
    rows, events = np.r_[0, ranked.n.cumsum()], np.r_[0, ranked.events.cumsum()]
    return rows / rows[-1], events / events[-1]


def lift(ranked: Bands, shares: tuple[float, ...] = DECILES, seed: int = 0, draws: int = 200) -> tuple[Lift, ...]:
    """Capture and lift at each share of the population, read off the CAP curve.

    A band that a share cuts is taken in part. Interval: percentile bootstrap of band by outcome.
    """
    counts = np.stack([ranked.events, ranked.n - ranked.events])
    drawn = bootstrap_counts(counts, draws, generator(seed, "lift"))
    samples = np.array([_captured(each[0], each.sum(axis=0), shares) for each in drawn])
    values, n = _captured(ranked.events, ranked.n, shares), int(ranked.n.sum())
    method = f"read off the CAP curve; percentile bootstrap, {draws:,} draws"
    out = []
    for place, share in enumerate(shares):
        low, high = percentile(samples[:, place])
        reason = "" if low is not None else "Too many bootstrap draws hold no event."
        bounds = [None if bound is None else bound / share for bound in (low, high)]
        capture = Estimate(float(values[place]), low, high, method, n, reason)
        out.append(
            Lift(share, capture, Estimate(float(values[place] / share), bounds[0], bounds[1], method, n, reason))
        )
    return tuple(out)


def rank_order(ranked: Bands, groups: int = 10) -> RankOrder:
    """How often a band of near-equal size has a higher event rate than the riskier band before it.

    Each break carries the p-value of the two rates' difference.
    """
    place = equal_mass(ranked.n, groups)
    events = np.bincount(place, weights=ranked.events).astype(np.int64)
    n = np.bincount(place, weights=ranked.n).astype(np.int64)
    deciles, before = [], (0, 0)
    for found in zip(events.tolist(), n.tolist(), strict=True):
        broken = before[1] > 0 and found[0] * before[1] > before[0] * found[1]
        p = two_proportions(before, found).p if broken else None
        deciles.append(Decile(found[1], found[0], found[0] / found[1], *wilson(*found), p))
        before = found
    flags = [decile.p is not None for decile in deciles]
    total = int(ranked.n.sum())
    return RankOrder(_breaks(flags, total), _breaks(flags[:5], int(n[:5].sum())), tuple(deciles))


def _breaks(flags: list[bool], n: int) -> Estimate:
    reason = "A count of breaks has no interval; each break carries a p-value."
    method = f"rate above that of the band before, {len(flags)} bands of near-equal size"
    return Estimate(float(sum(flags)), None, None, method, n, reason)


def _captured(events: NDArray[np.int64], n: NDArray[np.int64], shares: tuple[float, ...]) -> Scores:
    if events.sum() == 0:
        return np.full(len(shares), np.nan)
    rows, found = np.r_[0, n.cumsum()] / n.sum(), np.r_[0, events.cumsum()] / events.sum()
    return np.asarray(np.interp(shares, rows, found))
