"""Counts and rates of one protected group, and the choice of the reference group."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrm.measures.tables import UNKNOWN_OUTCOME, Cell, Groups, Summary

Outcomes = NDArray[np.int64]
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
    event_scores: Cell

    @property
    def unfavourable(self) -> int:
        return self.n - self.favourable

    @property
    def selection_rate(self) -> float:
        """Share decided favourably."""
        return self.favourable / self.n

    @property
    def outcomes(self) -> int:
        """People whose outcome is known."""
        return self.good + self.bad

    def fraction(self, rate: str) -> tuple[int, int]:
        """(successes, trials) of one of `RATES`; trials may be 0."""
        successes, trials = RATES[rate](self)
        return int(successes), int(trials)

    def rate(self, name: str) -> float | None:
        """One of `RATES`, or None where nobody could show it."""
        successes, trials = self.fraction(name)
        return successes / trials if trials else None

    @property
    def true_positive_rate(self) -> float | None:
        """Share of good outcomes decided favourably: good loans approved."""
        return self.rate("tpr")

    @property
    def false_positive_rate(self) -> float | None:
        """Share of bad outcomes decided favourably: bad loans approved."""
        return self.rate("fpr")

    @property
    def positive_predictive_value(self) -> float | None:
        """Share of favourable decisions with a known outcome that turned out good."""
        return self.rate("ppv")


# the positive decision is the favourable one, the positive outcome the one that bears it out;
# whole numbers of one group and arrays of replicates alike
RATES: Mapping[str, Callable[[Any], tuple[Any, Any]]] = {
    "selection": lambda g: (g.favourable, g.n),
    "tpr": lambda g: (g.good_favourable, g.good),
    "fnr": lambda g: (g.good - g.good_favourable, g.good),
    "fpr": lambda g: (g.bad_favourable, g.bad),
    "tnr": lambda g: (g.bad - g.bad_favourable, g.bad),
    "ppv": lambda g: (g.good_favourable, g.good_favourable + g.bad_favourable),
    "fdr": lambda g: (g.bad_favourable, g.good_favourable + g.bad_favourable),
    "npv": lambda g: (g.bad - g.bad_favourable, g.outcomes - g.good_favourable - g.bad_favourable),
    "for": lambda g: (g.good - g.good_favourable, g.outcomes - g.good_favourable - g.bad_favourable),
    "accuracy": lambda g: (g.good_favourable + g.bad - g.bad_favourable, g.outcomes),
}


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
    title = INTERSECTION.join(attributes)
    named = group_of(summary, attributes)
    found: dict[str | None, dict[tuple[int, int], list[int]]] = {}
    for (groups, label, favourable), cell in summary.cells.items():
        sums = found.setdefault(named(groups), {}).setdefault((label, favourable), [0, 0, 0])
        sums[0] += cell.n
        sums[1] += cell.total
        sums[2] += cell.squares
    counted = {
        key: _counts(title, key, {at: Cell(*sums) for at, sums in cells.items()}, summary.spec.good_outcome)
        for key, cells in found.items()
    }
    known = sorted((each for key, each in counted.items() if key is not None and each.n), key=lambda g: g.group)
    return AttributeCounts(title, tuple(known), counted.get(None))


def histograms(summary: Summary, attributes: Sequence[str]) -> dict[str, Outcomes]:
    """Rows per score bin of every known group; shape (3, bins): outcome not known, 0, 1.

    Raises ValueError if an attribute was not summarised.
    """
    named = group_of(summary, attributes)
    out: dict[str, Outcomes] = {}
    for (groups, label), counts in summary.histograms.items():
        group = named(groups)
        if group is not None:
            table = out.setdefault(group, np.zeros((3, summary.spec.bins), dtype=np.int64))
            table[label - UNKNOWN_OUTCOME] += counts
    return out


def group_of(summary: Summary, attributes: Sequence[str]) -> Callable[[Groups], str | None]:
    """What names the group of a cell in one attribute or the cross of several; None for a group that is not known.

    Raises ValueError if an attribute was not summarised.
    """
    for name in attributes:
        if name not in summary.spec.dimensions:
            raise ValueError(f"The table was not made by {name}.")
    places = [summary.spec.dimensions.index(name) for name in attributes]

    @cache  # a cell for every label and decision asks for the same
    def named(groups: Groups) -> str | None:
        names = [groups[place] for place in places]
        return None if None in names else INTERSECTION.join(str(each) for each in names)

    return named


def reference_group(
    counts: AttributeCounts, named: str | None, min_share: float, withheld: Collection[str | None] = ()
) -> GroupCounts | None:
    """The named group, or the one with the highest selection rate among those with enough share.

    Groups that are withheld are no reference: every ratio would give them away. Ties go to the
    larger group, then to the name. None if no group qualifies; ValueError if the named one has
    nobody.
    """
    if named is not None:
        group = counts.named(named)
        if group is None:
            raise ValueError(f"The reference group {named} of {counts.attribute} has nobody in the data.")
        return None if named in withheld else group
    large = [each for each in counts.known if counts.share(each) >= min_share and each.group not in withheld]
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
        event_scores=sum((c for (y, _), c in cells.items() if y == 1), Cell(0, 0, 0)),
    )
