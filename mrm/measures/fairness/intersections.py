"""Crosses of attributes: which cell fares worst, with an interval that allows for the search, and cells below their parents."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from mrm.measures.evidence import shortage
from mrm.measures.fairness.comparison import Bounds, Comparison, result
from mrm.measures.fairness.selection import RATIO, impact_ratio
from mrm.measures.groups import INTERSECTION, GroupCounts
from mrm.measures.intervals import normal_quantile, two_proportions
from mrm.measures.results import Result

OF_AN_ATTRIBUTE = ("worst_cell_air",)
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Node:
    """A group with its ratio, and the groups of the cross that lie within it."""

    attribute: str
    group: str
    n: int | None
    ratio: float | None
    status: str
    reason: str
    parts: tuple[Node, ...] = ()


def full_cross(attributes: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Every intersection of two or more attributes, pairs first."""
    return tuple(each for size in range(2, len(attributes) + 1) for each in combinations(attributes, size))


def worst_cell(comparison: Comparison) -> Iterator[Result]:
    """The lowest impact ratio among the groups large enough, with the interval of the lowest of so many.

    Bonferroni: each of k ratios gets a log interval at 1 - 0.05 / k, so that the worst is covered
    whichever it is, and the p-value is multiplied by k.
    """
    told = [g for g in comparison.others if not shortage(g, comparison.reference, comparison.settings)]
    people = sum(each.n for each in told)
    if not told:
        lacking = "No group is large enough to be compared."
        yield result("worst_cell_air", comparison, None, None, (None, None), "", lacking=lacking, n=people)
        return
    reference = comparison.reference
    worst = min(told, key=lambda g: (impact_ratio(g, reference), g.group))
    p = two_proportions((worst.favourable, worst.n), (reference.favourable, reference.n)).p
    yield result(
        "worst_cell_air",
        comparison,
        None,
        impact_ratio(worst, reference),
        ratio_interval(worst, reference, 1 - (1 - CONFIDENCE) / len(told)),
        f"lowest impact ratio of {len(told)} groups; log interval with Bonferroni's correction for {len(told)}",
        n=worst.n,
        cell=worst.group,
        compared_with=reference.group,
        cells=len(told),
        p_corrected=min(1.0, p * len(told)),
        not_compared=len(comparison.counts.known) - 1 - len(told),
    )


def ratio_interval(group: GroupCounts, reference: GroupCounts, confidence: float) -> Bounds:
    """Log interval of the impact ratio (Katz, Baptista, Azen and Pike 1978); none where a rate is 0."""
    if not group.favourable or not reference.favourable:
        return None, None
    value = impact_ratio(group, reference)
    variance = 1 / group.favourable - 1 / group.n + 1 / reference.favourable - 1 / reference.n
    half = normal_quantile(confidence) * math.sqrt(variance)
    return value * math.exp(-half), value * math.exp(half)


def hierarchy(results: Sequence[Result], attributes: Sequence[str]) -> tuple[Node, ...]:
    """The groups of the first attribute, within each those of its cross with the second, and so on.

    A group that is withheld keeps its place and the sentence why; it holds no numbers.
    """
    return _level(results, attributes, 1, "")


def _level(results: Sequence[Result], attributes: Sequence[str], depth: int, parent: str) -> tuple[Node, ...]:
    title = INTERSECTION.join(attributes[:depth])
    rates = [r for r in results if (r.measure, r.attribute) == ("selection_rate", title)]
    ratios = {r.group: r for r in results if (r.measure, r.attribute) == (RATIO, title)}
    inside = [r for r in rates if not parent or r.group.startswith(parent + INTERSECTION)]
    return tuple(
        _node(rate, ratios.get(rate.group), _level(results, attributes, depth + 1, rate.group) if depth < len(attributes) else ())
        for rate in inside
    )  # fmt: skip


def _node(rate: Result, ratio: Result | None, parts: tuple[Node, ...]) -> Node:
    told = ratio or rate
    value = 1.0 if rate.detail.get("is_reference") else ratio.value if ratio else None
    return Node(rate.attribute, rate.group, rate.n, value, told.status, told.reason, parts)
