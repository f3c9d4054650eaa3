"""Which groups may not be shown: those with few people, and those by which these could be worked out.

A group that is hidden alone can be got back by subtraction: from the total of its attribute, or, in
an intersection, from the groups of each attribute. Every published count is a sum over the finest
cells, so what can be got back is what lies in the linear span of what is published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrm.measures.groups import INTERSECTION, group_of
from mrm.measures.tables import UNKNOWN_OUTCOME, Cell, CellKey, Groups, Spec, Summary

Key = tuple[str, str | None]
Line = tuple[int | None, list[int]]
_NEGLIGIBLE, _CLOSE = 1e-9, 1e-6


@dataclass(frozen=True, slots=True)
class Published:
    """Every count that may stand in a report, beside the number of everybody, which always does.

    `settled` are counts that stand in the report whatever comes after. `vectors` says which of the finest cells each count adds up, shape (counts, cells); `people` its
    people. A line is a whole (None: everybody) and the counts of one view that lie within it.
    """

    keys: tuple[Key, ...]
    vectors: NDArray[np.float64]
    people: tuple[int, ...]
    everybody: int
    lines: tuple[Line, ...]
    settled: frozenset[int] = frozenset()

    def cost(self, place: int) -> tuple[bool, int, int]:
        """How much is lost by hiding a count: those whose group is not known first, then the smallest group."""
        return self.keys[place][1] is not None, self.people[place], place

    def recovered(self, wanted: list[int], hidden: set[int]) -> list[list[int]]:
        """For each of `wanted` that is a sum or difference of counts shown, the counts that it takes."""
        shown = [place for place in range(len(self.keys)) if place not in hidden]
        rows = np.vstack([np.ones(self.vectors.shape[1]), self.vectors[shown]])
        # of the two products the one of counts by counts: there are far fewer counts than finest cells
        sizes, basis = np.linalg.eigh(rows @ rows.T)
        telling = sizes > _NEGLIGIBLE * sizes[-1]
        sizes, basis = sizes[telling], basis[:, telling]
        weights = ((self.vectors[wanted] @ rows.T) @ basis / sizes) @ basis.T
        missed = np.abs(self.vectors[wanted] - weights @ rows).max(axis=1)
        return [
            [place for place, weight in zip(shown, row[1:], strict=True) if abs(weight) > _CLOSE]
            for row, distance in zip(weights, missed, strict=True)
            if distance < _CLOSE
        ]


def suppressed(
    summary: Summary,
    views: Sequence[tuple[str, ...]],
    threshold: int,
    settled: Mapping[str, frozenset[str | None]] | None = None,
) -> dict[str, frozenset[str | None]]:
    """Names of the groups to hide, by view (None stands for those whose group is not known).

    `settled` holds views that are published already with what they hide: these stay as they are.

    First every group with fewer than `threshold` people; then others, those whose group is not known
    before the smallest group, until no small group can be worked out and no line with a small group
    has less than `threshold` people left to share among its hidden parts.
    """
    kept = settled or {}
    published = _published(summary, views, kept)
    small = [
        place
        for place, (title, name) in enumerate(published.keys)
        if (name in kept[title] if title in kept else published.people[place] < threshold)
    ]
    hidden = set(small)
    while small:
        before = len(hidden)
        _fill_lines(published, set(small), hidden, threshold)
        if len(hidden) == before:
            _cut_ways(published, small, hidden)
        if len(hidden) == before:
            break
    names = [published.keys[place] for place in hidden]
    titles = [INTERSECTION.join(view) for view in views]
    return {title: frozenset(name for owner, name in names if owner == title) for title in titles}


def withheld_parts(people: Mapping[str | None, int], threshold: int) -> frozenset[str | None]:
    """Names of the groups to hide where groups are the only thing shown of a whole (None: not known)."""
    present = {name: n for name, n in people.items() if n}
    if not present:
        return frozenset()
    cells: dict[CellKey, Cell] = {((name,), UNKNOWN_OUTCOME, 1): Cell(n, 0, 0) for name, n in present.items()}
    whole = Summary(Spec("label", "score", 0.5, "at_or_above", ("group",)), cells)
    return suppressed(whole, [("group",)], threshold)["group"]


def _published(
    summary: Summary, views: Sequence[tuple[str, ...]], settled: Mapping[str, frozenset[str | None]]
) -> Published:
    cells: dict[Groups, int] = {}
    for (groups, _, _), cell in summary.cells.items():
        cells[groups] = cells.get(groups, 0) + cell.n
    finest = sorted((who for who, n in cells.items() if n), key=repr)
    counts = np.array([cells[who] for who in finest], dtype=np.int64)
    vectors: dict[Key, NDArray[np.float64]] = {}
    for view in views:
        named = group_of(summary, view)
        for index, who in enumerate(finest):
            vectors.setdefault((INTERSECTION.join(view), named(who)), np.zeros(len(finest)))[index] = 1.0
    keys = tuple(sorted(vectors, key=repr))
    matrix = np.array([vectors[key] for key in keys]).reshape(len(keys), len(finest))
    people = tuple(int(n) for n in matrix @ counts)
    fixed = frozenset(place for place, (title, _) in enumerate(keys) if title in settled)
    return Published(keys, matrix, people, int(counts.sum()), _lines(keys, matrix), fixed)


def _lines(keys: tuple[Key, ...], vectors: NDArray[np.float64]) -> tuple[Line, ...]:
    """Every published whole with the counts of another view that lie within it."""
    views: dict[str, list[int]] = {}
    for place, (title, _) in enumerate(keys):
        views.setdefault(title, []).append(place)
    out: list[Line] = [(None, places) for places in views.values()]
    sizes = vectors.sum(axis=1)
    for whole, shared in enumerate(vectors @ vectors.T):
        within = shared == sizes
        for title, places in views.items():
            inside = [place for place in places if within[place]]
            if inside and title != keys[whole][0]:
                out.append((whole, inside))
    return tuple(out)


def _fill_lines(published: Published, small: set[int], hidden: set[int], threshold: int) -> None:
    """Hide the cheapest shown parts of every line whose hidden parts have fewer than `threshold` people together."""
    for whole, parts in published.lines:
        if whole in hidden or small.isdisjoint(parts):
            continue
        shown = sorted((place for place in parts if place not in hidden), key=published.cost)
        free = [place for place in shown if place not in published.settled]
        people = published.everybody if whole is None else published.people[whole]
        left = people - sum(published.people[place] for place in shown)
        while free and left < threshold:
            cheapest = free.pop(0)
            hidden.add(cheapest)
            left += published.people[cheapest]


def _cut_ways(published: Published, small: list[int], hidden: set[int]) -> None:
    """Hide the cheapest count in the ways to a quarter of the small groups that can be worked out, then look again."""
    ways = published.recovered(small, hidden)
    found = [free for used in ways if (free := [place for place in used if place not in published.settled])]
    hidden |= {min(used, key=published.cost) for used in found[: -(-len(found) // 4)]}
