"""How far two outcomes lie apart in one column: information value, weight of evidence, divergence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mrm.measures.checks import counts
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import normal_quantile
from mrm.measures.noncentral import noncentral_interval

EMPTY = 0.5


@dataclass(frozen=True, slots=True)
class Category:
    """One category or bin: rows without and with the event, weight of evidence, part of the information value."""

    name: str
    goods: int
    bads: int
    evidence: float
    part: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows, mean and sample variance (ddof 1) of a score in one outcome."""

    n: int
    mean: float
    variance: float


def information_value(table: Mapping[str, tuple[int, int]]) -> tuple[Estimate, tuple[Category, ...]]:
    """Information value of a column from (goods, bads) by category, and the weight of evidence of each.

    Sum of (g - b) ln(g / b) over shares of goods g and bads b: the symmetric divergence of Kullback
    and Leibler (1951, Ann. Math. Stat. 22:79). A category without a good or without a bad counts
    half a row there. Interval: over 1/G + 1/B the estimate is near non-central chi-square. Raises
    ValueError unless both outcomes occur.
    """
    names = list(table)
    goods, bads = (
        counts([pair[place] for pair in table.values()], label) for place, label in enumerate(("goods", "bads"))
    )
    if not names or goods.sum() == 0 or bads.sum() == 0:
        raise ValueError("Information value needs rows with and without the event; one of them is missing.")
    g, b = (np.where(each == 0, EMPTY, each) / each.sum() for each in (goods, bads))
    evidence = np.log(g / b)
    parts = (g - b) * evidence
    value, scale = float(parts.sum()), 1 / int(goods.sum()) + 1 / int(bads.sum())
    low, high = noncentral_interval(value, scale, int(((goods + bads) > 0).sum()) - 1)
    method = "shares of goods and bads, empty cells half a row; non-central chi-square interval"
    rows = zip(names, goods.tolist(), bads.tolist(), evidence.tolist(), parts.tolist(), strict=True)
    n = int(goods.sum() + bads.sum())
    return Estimate(value, low, high, method, n), tuple(Category(*each) for each in rows)


def divergence(goods: Moments, bads: Moments) -> Estimate:
    """Squared distance of two means over the mean variance.

    Interval: square of the bounds of the standardised distance (Bonett 2008, Psychological Methods
    13:99). Raises ValueError with fewer than two rows of an outcome or no spread.
    """
    if min(goods.n, bads.n) < 2:
        raise ValueError("Divergence needs at least two rows with and two without the event.")
    spread = (goods.variance + bads.variance) / 2
    if spread <= 0:
        raise ValueError("The score has one value only in each outcome; divergence needs some spread.")
    distance = abs(goods.mean - bads.mean) / np.sqrt(spread)
    error = np.sqrt(
        sum(
            distance**2 * each.variance**2 / (8 * spread**2 * (each.n - 1)) + each.variance / (spread * (each.n - 1))
            for each in (goods, bads)
        )
    )
    half = normal_quantile() * error
    low, high = max(0.0, distance - half) ** 2, (distance + half) ** 2
    method = "squared distance of means over mean variance; squared normal interval"
    return Estimate(float(distance**2), float(low), float(high), method, goods.n + bads.n)
