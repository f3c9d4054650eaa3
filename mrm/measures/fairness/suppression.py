"""Which groups may not be shown: those with few people, and those by which these could be worked out.

A group that is hidden alone can be got back by subtraction: from the total of its attribute, or, in
an intersection, from the groups of each attribute. Every published count is a sum over the finest
cells, so what can be got back is what lies in the linear span of what is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrm.measures.groups import INTERSECTION, group_of
from mrm.measures.tables import UNKNOWN_OUTCOME, Cell, CellKey, Groups, Spec, Summary

Key = tuple[str, str | None]
Vector = NDArray[np.float64]
_NEGLIGIBLE = 1e-8


@dataclass(frozen=True, slots=True)
class Published:
    """Every count that may stand in a report: the finest cells it adds up, shape (cells,), and its people."""

    vectors: Mapping[Key, Vector]
    people: Mapping[Key, int]
    total: Vector

    def cost(self, key: Key) -> tuple[bool, int, str]:
        """How much is lost by hiding a count: those whose group is not known first, then the smallest group."""
        return key[1] is not None, self.people[key], repr(key)

    def span(self, hidden: set[Key]) -> Vector:
        """Orthonormal rows that span all counts but the hidden, the total of everybody among them."""
        rows = np.array([self.total, *(v for key, v in self.vectors.items() if key not in hidden)])
        _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
        return np.asarray(basis[sizes > _NEGLIGIBLE * sizes[0]])

    def recoverable(self, keys: Sequence[Key], hidden: set[Key]) -> list[Key]:
        """Which of `keys` are sums and differences of counts that are not hidden."""
        if not keys:
            return []
        wanted = np.array([self.vectors[key] for key in keys])
        basis = self.span(hidden)
        missed = np.abs(wanted - wanted @ basis.T @ basis).max(axis=1)
        return [key for key, distance in zip(keys, missed, strict=True) if distance < _NEGLIGIBLE]


def suppressed(summary: Summary, views: Sequence[tuple[str, ...]], threshold: int) -> dict[str, frozenset[str | None]]:
    """Names of the groups to hide, by view (None stands for those whose group is not known).

    First every group with fewer than `threshold` people, then as few others as a greedy choice
    finds (those whose group is not known, then the smallest group), until no small group can be worked out and no line with a small group has
    less than `threshold` people left to share among its hidden parts.
    """
    published = _published(summary, views)
    small = [key for key, n in published.people.items() if n < threshold]
    hidden = set(small)
    while small:
        more = _thin_line(published, views, small, hidden, threshold) or _giving_away(published, small, hidden)
        if more is None:
            break
        hidden.add(more)
    return {
        INTERSECTION.join(view): frozenset(name for title, name in hidden if title == INTERSECTION.join(view))
        for view in views
    }


def withheld_parts(people: Mapping[str | None, int], threshold: int) -> frozenset[str | None]:
    """Names of the groups to hide where groups are the only thing shown of a whole (None: not known)."""
    present = {name: n for name, n in people.items() if n}
    if not present:
        return frozenset()
    cells: dict[CellKey, Cell] = {((name,), UNKNOWN_OUTCOME, 1): Cell(n, 0, 0) for name, n in present.items()}
    whole = Summary(Spec("label", "score", 0.5, "at_or_above", ("group",)), cells)
    return suppressed(whole, [("group",)], threshold)["group"]


def _published(summary: Summary, views: Sequence[tuple[str, ...]]) -> Published:
    cells: dict[Groups, int] = {}
    for (groups, _, _), cell in summary.cells.items():
        cells[groups] = cells.get(groups, 0) + cell.n
    finest = sorted((who for who, n in cells.items() if n), key=repr)
    counts = np.array([cells[who] for who in finest], dtype=np.float64)
    vectors: dict[Key, Vector] = {}
    for view in views:
        named = group_of(summary, view)
        for index, who in enumerate(finest):
            vectors.setdefault((INTERSECTION.join(view), named(who)), np.zeros(len(finest)))[index] = 1.0
    people = {key: int(vector @ counts) for key, vector in vectors.items()}
    return Published(vectors, people, np.ones(len(finest)))


def _lines(published: Published, views: Sequence[tuple[str, ...]], hidden: set[Key]) -> Iterator[tuple[int, list[Key]]]:
    """People of every published whole, and the groups of a view that are its parts."""
    everybody = sum(n for (title, _), n in published.people.items() if title == INTERSECTION.join(views[0]))
    wholes: list[tuple[int, Vector, str]] = [(everybody, published.total, "")]
    wholes += [(published.people[key], v, key[0]) for key, v in published.vectors.items() if key not in hidden]
    for view in views:
        title = INTERSECTION.join(view)
        parts = [(key, vector) for key, vector in published.vectors.items() if key[0] == title]
        for people, whole, owner in wholes:
            inside = [key for key, vector in parts if not (vector * (1 - whole)).any()]
            if owner != title and inside:
                yield people, inside


def _thin_line(
    published: Published, views: Sequence[tuple[str, ...]], small: list[Key], hidden: set[Key], threshold: int
) -> Key | None:
    """The smallest shown part of a line whose hidden parts have fewer than `threshold` people together."""
    for people, parts in _lines(published, views, hidden):
        shown = [key for key in parts if key not in hidden]
        left = people - sum(published.people[key] for key in shown)
        if shown and left < threshold and any(key in small for key in parts):
            return min(shown, key=published.cost)
    return None


def _giving_away(published: Published, small: list[Key], hidden: set[Key]) -> Key | None:
    """The smallest count without which a small group that can be worked out would be harder to get at."""
    for key in published.recoverable(small, hidden):
        shown = [each for each in published.vectors if each not in hidden]
        rows = np.array([published.total, *(published.vectors[each] for each in shown)])
        weights = np.linalg.lstsq(rows.T, published.vectors[key], rcond=None)[0][1:]
        used = [each for each, weight in zip(shown, weights, strict=True) if abs(weight) > _NEGLIGIBLE]
        if used:
            return min(used, key=published.cost)
    return None
