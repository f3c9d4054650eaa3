"""Ordered outcomes and moving cut-offs: the impact ratio at every step from the best outcome down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mrm.measures.evidence import few_people
from mrm.measures.fairness.comparison import Bounds, Comparison, result
from mrm.measures.fairness.scores import towards_unfavourable
from mrm.measures.groups import GroupCounts, Outcomes
from mrm.measures.intervals import normal_quantile
from mrm.measures.results import Result

OF_A_GROUP = ("air_sweep", "categorical_air")

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratios:
    """Cumulative impact ratios, shape (steps,), with their intervals; not a number where undefined."""

    value: Values
    lower: Values
    upper: Values
    reached: Outcomes
    reference_reached: Outcomes

    def lowest(self, least: int) -> tuple[float | None, Bounds]:
        """The lowest ratio among steps that `least` people of the reference reach, with its interval."""
        ratios = np.where((self.reference_reached >= least) & np.isfinite(self.value), self.value, np.inf)
        place = int(ratios.argmin()) if ratios.size else -1
        if place < 0 or not np.isfinite(ratios[place]):
            return None, (None, None)
        return float(self.value[place]), (_finite(self.lower[place]), _finite(self.upper[place]))

    def points(self, names: list[str], values: list[float]) -> list[dict[str, float | str | None]]:
        """One row per step: its name, where it lies, ratio and interval."""
        return [
            {"step": name, "at": at, "ratio": _finite(v), "lower": _finite(low), "upper": _finite(high)}
            for name, at, v, low, high in zip(names, values, self.value, self.lower, self.upper, strict=True)
        ]


def cumulative_ratios(group: Outcomes, reference: Outcomes, n: int, reference_n: int) -> Ratios:
    """Impact ratio of reaching each step or a better one, from the numbers that reach it, shape (steps,).

    The interval is that of the log ratio (Katz, Baptista, Azen and Pike 1978, Biometrics 34:469),
    which needs people of both on the step.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        value = group * reference_n / (n * reference)
        half = normal_quantile() * np.sqrt(1 / group - 1 / n + 1 / reference - 1 / reference_n)
        lower, upper = value * np.exp(-half), value * np.exp(half)
    return Ratios(value, lower, upper, group, reference)


def measures(comparison: Comparison) -> Iterator[Result]:
    """The ratio at every step of the approval rate, and at every tier of the settings, per group."""
    summary, settings = comparison.summary, comparison.settings
    everybody = towards_unfavourable(summary.histogram(), summary).cumsum()
    steps = np.arange(1, round(1 / settings.sweep_step)) * settings.sweep_step
    places = np.unique(np.searchsorted(everybody, steps * everybody[-1]))
    rates = (everybody[places] / everybody[-1]).tolist()
    names = [f"{_edge(comparison, int(place)):.6g}" for place in places]
    tiers = _tier_places(comparison)
    for group in comparison.others:
        yield _followed("air_sweep", f"cut-offs at every {settings.sweep_step:.0%} of approval", places, names, rates, group, comparison)  # fmt: skip
        if tiers:
            edges = [_edge(comparison, place) for place in tiers]
            said = [f"{edge:.6g}" for edge in edges]
            yield _followed("categorical_air", f"{len(tiers)} tiers, each or a better one", np.array(tiers), said, edges, group, comparison)  # fmt: skip


def _followed(
    measure: str, what: str, places: Outcomes, names: list[str], at: list[float], group: GroupCounts, comparison: Comparison
) -> Result:  # fmt: skip
    reference, settings = comparison.reference, comparison.settings
    mine, theirs = (
        towards_unfavourable(comparison.tables[each.group].sum(axis=0), comparison.summary).cumsum()[places]
        for each in (group, reference)
    )
    found = cumulative_ratios(mine, theirs, group.n, reference.n)
    value, interval = found.lowest(max(1, settings.conclude_favourable))
    method = f"lowest impact ratio over {what}; log interval of that point, not corrected for the choice of the lowest"
    return result(
        measure, comparison, group, value, interval, method, lacking=few_people(group, reference, settings),
        points=found.points(names, at),
    )  # fmt: skip


def _tier_places(comparison: Comparison) -> list[int]:
    """The last bin on the favourable side of every tier, the most favourable tier first."""
    spec = comparison.summary.spec
    out = []
    for tier in comparison.settings.tiers:
        if not spec.low < tier < spec.high:
            raise ValueError(
                f"The tier {tier:g} does not lie between {spec.low:g} and {spec.high:g}, the scores' range."
            )
        below = round((tier - spec.low) / (spec.high - spec.low) * spec.bins)
        out.append((below if spec.favourable == "below" else spec.bins - below) - 1)
    return sorted({place for place in out if place >= 0})


def _edge(comparison: Comparison, place: int) -> float:
    """The cut-off that decides everybody up to a bin, counted from the favourable end, favourably."""
    spec = comparison.summary.spec
    share = (place + 1) / spec.bins
    return spec.low + (spec.high - spec.low) * (share if spec.favourable == "below" else 1 - share)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
