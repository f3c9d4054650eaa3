"""One attribute with its reference group, its bootstrap draws and its score histograms; and the form of a result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrm.measures.evidence import FairnessSettings
from mrm.measures.groups import RATES, AttributeCounts, GroupCounts, Outcomes
from mrm.measures.intervals import bootstrap_counts, generator, percentile
from mrm.measures.results import Result
from mrm.measures.tables import Summary

UNKNOWN = "Not provided"
LEAST_DRAWS, DRAWN_CELLS = 500, 20_000_000
NO_DRAWS = "no interval: the bootstrap was switched off"

Bounds = tuple[float | None, float | None]
Samples = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Bootstrap replicates of a table of groups; every field has shape (draws, groups)."""

    n: NDArray[np.int64]
    favourable: NDArray[np.int64]
    good: NDArray[np.int64]
    good_favourable: NDArray[np.int64]
    bad: NDArray[np.int64]
    bad_favourable: NDArray[np.int64]

    @property
    def outcomes(self) -> NDArray[np.int64]:
        return self.good + self.bad

    def rate(self, name: str) -> Samples:
        """One of `groups.RATES`; not a number where a replicate has nobody to show it."""
        successes, trials = RATES[name](self)
        return np.asarray(np.divide(successes, trials, out=np.full(trials.shape, np.nan), where=trials > 0))


@dataclass(frozen=True)
class Comparison:
    """Who is compared with whom. `withheld` names the groups of which nothing may be said."""

    counts: AttributeCounts
    reference: GroupCounts
    summary: Summary
    settings: FairnessSettings
    tables: dict[str, Outcomes]
    withheld: frozenset[str | None] = frozenset()

    @cached_property
    def others(self) -> tuple[GroupCounts, ...]:
        """The groups compared with the reference, those withheld left out."""
        return tuple(g for g in self.counts.known if g is not self.reference and g.group not in self.withheld)

    @cached_property
    def concluded(self) -> tuple[GroupCounts, ...]:
        """The groups large enough to conclude from, the reference among them."""
        floor = self.settings.conclude_n
        return tuple(g for g in self.counts.known if g.n >= floor and g.group not in self.withheld)

    @cached_property
    def drawn(self) -> Drawn:
        """The row bootstrap of all known groups together, as a multinomial draw on their cells."""
        table = np.array([_cells(each) for each in self.counts.known], dtype=np.int64)
        rng = generator(self.settings.seed, f"groups/{self.counts.attribute}")
        good_yes, good_no, bad_yes, bad_no, open_yes, open_no = np.moveaxis(
            bootstrap_counts(table, self.draws, rng), 2, 0
        )
        good, bad = good_yes + good_no, bad_yes + bad_no
        return Drawn(good + bad + open_yes + open_no, good_yes + bad_yes + open_yes, good, good_yes, bad, bad_yes)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {each.group: place for place, each in enumerate(self.counts.known)}

    @cached_property
    def draws(self) -> int:
        """The draws of the settings, fewer where so many groups would not fit in memory."""
        return min(self.settings.draws, max(LEAST_DRAWS, DRAWN_CELLS // (6 * len(self.counts.known))))

    @cached_property
    def _drawn_rates(self) -> dict[str, Samples]:
        return {}

    def drawn_rate(self, name: str) -> Samples:
        """One of `groups.RATES` in every replicate, shape (draws, groups)."""
        if name not in self._drawn_rates:
            self._drawn_rates[name] = self.drawn.rate(name)
        return self._drawn_rates[name]

    def place(self, group: GroupCounts) -> int:
        """Where the group stands in the draws."""
        return self._places[group.group]

    def bootstrapped(self, method: str) -> str:
        """`method` with the way its interval was made."""
        made = f"percentile bootstrap of the counts, {self.draws:,} draws" if self.draws else NO_DRAWS
        return f"{method}; {made}"


def bounds(samples: Samples) -> Bounds:
    """The percentile interval of bootstrap samples, or none where there are none."""
    return percentile(samples) if samples.size else (None, None)


def result(
    measure: str,
    comparison: Comparison,
    group: GroupCounts | None,
    value: float | None,
    interval: Bounds,
    method: str,
    *,
    lacking: str = "",
    n: int | None = None,
    **detail: Any,
) -> Result:
    """A result of one group, or of the attribute; insufficient if something is `lacking`."""
    people = sum(each.n for each in comparison.counts.known) if group is None else group.n
    return Result(
        measure,
        value,
        *interval,
        people if n is None else n,
        method,
        status="insufficient" if lacking or value is None else "info",
        reason=lacking or ("Nobody to compare." if value is None else ""),
        attribute=comparison.counts.attribute,
        group=group.group if group else "",
        reference=comparison.reference.group if group else "",
        detail=detail,
    )


def withheld(measure: str, counts: AttributeCounts, group: GroupCounts, settings: FairnessSettings) -> Result:
    """A result that says nothing but why it says nothing."""
    return not_shown(measure, counts.attribute, group.group or UNKNOWN, group.n, settings)


def not_shown(measure: str, attribute: str, group: str, people: float, settings: FairnessSettings) -> Result:
    """A result without numbers: the group is too small, or gives a smaller one away."""
    reason = f"Fewer than {settings.suppress_n} people; counts and rates are withheld."
    if people >= settings.suppress_n:
        reason = "Withheld: with it, a group that is too small to be shown could be worked out from the totals."
    return Result(
        measure, None, None, None, None, "", status="insufficient", reason=reason, attribute=attribute, group=group,
        detail={"suppressed": True},
    )  # fmt: skip


def _cells(group: GroupCounts) -> tuple[int, ...]:
    known_favourable = group.good_favourable + group.bad_favourable
    open_favourable = group.favourable - known_favourable
    return (
        group.good_favourable,
        group.good - group.good_favourable,
        group.bad_favourable,
        group.bad - group.bad_favourable,
        open_favourable,
        group.n - group.outcomes - open_favourable,
    )
