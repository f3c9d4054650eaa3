"""Counts and rates of one protected group, and the choice of the reference group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mrm.measures.tables import UNKNOWN_OUTCOME, Cell, Summary

INTERSECTION = " × "


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """One group of one attribute, in people.

    `good` and `bad` are those whose known outcome would bear out the favourable or the unfavourable
    decision; people whose outcome is not known are in `n`, `favourable` and `scores` only.
    """

    attribute: str
    group: str
    n: int
    favourable: int
    good: int
    good_favourable: int
    bad: int
    bad_favourable: int
    events: int
    scores: Cell
    outcome_scores: Cell

    @property
    def unfavourable(self) -> int:
        return self.n - self.favourable

    @property
    def selection_rate(self) -> float:
        """Share decided favourably."""
        return self.favourable / self.n

    @property
    def true_positive_rate(self) -> float | None:
        """Share of good outcomes decided favourably: good loans approved."""
        return self.good_favourable / self.good if self.good else None

    @property
    def false_positive_rate(self) -> float | None:
        """Share of bad outcomes decided favourably: bad loans approved."""
        return self.bad_favourable / self.bad if self.bad else None

    @property
    def positive_predictive_value(self) -> float | None:
        """Share of favourable decisions with a known outcome that turned out good."""
        decided = self.good_favourable + self.bad_favourable
        return self.good_favourable / decided if decided else None


@dataclass(frozen=True, slots=True)
class AttributeCounts:
    """Groups of one attribute (or intersection) by name, and people whose group is not known."""

    attribute: str
    known: tuple[GroupCounts, ...]
    unknown: GroupCounts | None

    @property
    def n_known(self) -> int:
        return sum(each.n for each in self.known)

    def share(self, group: GroupCounts) -> float:
        """Share of the group among people whose group is known."""
        return group.n / self.n_known

    def named(self, group: str) -> GroupCounts | None:
        return next((each for each in self.known if each.group == group), None)


def by_group(summary: Summary, attributes: Sequence[str]) -> AttributeCounts:
    """Collapse the table to one attribute, or to the full cross of several.

    Someone unknown in any of the crossed attributes is unknown in the intersection. Raises
    ValueError if an attribute was not summarised.
    """
    for name in attributes:
        if name not in summary.spec.attributes:
            raise ValueError(f"The table was not made by {name}.")
    places = [summary.spec.attributes.index(name) for name in attributes]
    title = INTERSECTION.join(attributes)
    found: dict[str | None, dict[tuple[int, int], Cell]] = {}
    for (groups, label, favourable), cell in summary.cells.items():
        names = [groups[place] for place in places]
        key = None if None in names else INTERSECTION.join(str(name) for name in names)
        cells = found.setdefault(key, {})
        cells[label, favourable] = cells.get((label, favourable), Cell(0, 0, 0)) + cell
    counted = {key: _counts(title, key, cells, summary.spec.good_outcome) for key, cells in found.items()}
    known = sorted((each for key, each in counted.items() if key is not None and each.n), key=lambda g: g.group)
    return AttributeCounts(title, tuple(known), counted.get(None))


def reference_group(counts: AttributeCounts, named: str | None, min_share: float) -> GroupCounts | None:
    """The named group, or the one with the highest selection rate among those with enough share.

    Ties go to the larger group, then to the name. None if no group qualifies; ValueError if the
    named one has nobody.
    """
    if named is not None:
        group = counts.named(named)
        if group is None:
            raise ValueError(f"The reference group {named} of {counts.attribute} has nobody in the data.")
        return group
    large = [each for each in counts.known if counts.share(each) >= min_share]
    return min(large, key=lambda g: (-g.selection_rate, -g.n, g.group), default=None)


def _counts(attribute: str, group: str | None, cells: dict[tuple[int, int], Cell], good: int) -> GroupCounts:
    def people(label: int | None = None, favourable: int | None = None) -> int:
        return sum(cell.n for (y, d), cell in cells.items() if label in (None, y) and favourable in (None, d))

    return GroupCounts(
        attribute=attribute,
        group=group or "",
        n=people(),
        favourable=people(None, 1),
        good=people(good),
        good_favourable=people(good, 1),
        bad=people(1 - good),
        bad_favourable=people(1 - good, 1),
        events=people(1),
        scores=sum(cells.values(), Cell(0, 0, 0)),
        outcome_scores=sum((c for (y, _), c in cells.items() if y != UNKNOWN_OUTCOME), Cell(0, 0, 0)),
    )
