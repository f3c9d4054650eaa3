"""How many people a conclusion needs: settings, and the sentence that says what is lacking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mrm.measures.groups import GroupCounts


@dataclass(frozen=True, slots=True)
class FairnessSettings:
    """What counts as enough people, who is compared with whom, and how the bootstrap runs.

    Three separate rules. *Conclude*: a group needs `conclude_n` people, and that many favourable
    and unfavourable decisions (or good and bad outcomes); else it is insufficient evidence, never
    a pass. *Exclude*: a group under `exclude_share` cannot be chosen as the reference, and with
    `exclude_from_ratio` gets no ratio but stays listed (6 RCNY 5-301, 29 CFR 1607.4(D)).
    *Suppress*: below `suppress_n` people no count or rate of the group is given out, nor those of
    other groups by which it could be worked out from the totals.

    `sweep_step` is the distance of approval rates at which the ratio is followed; `tiers` are scores
    that divide ordered outcomes (rates, risk classes); `curve_draws` bounds the bootstrap of
    measures that are made of many bins.
    """

    references: Mapping[str, str] = field(default_factory=dict)
    intersections: tuple[tuple[str, ...], ...] = ()
    conclude_n: int = 30
    conclude_favourable: int = 5
    conclude_unfavourable: int = 5
    exclude_share: float = 0.02
    exclude_from_ratio: bool = False
    suppress_n: int = 11
    draws: int = 10_000
    seed: int = 0
    curve_draws: int = 2_000
    sweep_step: float = 0.05
    tiers: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.sweep_step < 1:
            raise ValueError("The step between approval rates lies between 0 and 1, for example 0.05.")
        if min(self.conclude_n, self.conclude_favourable, self.conclude_unfavourable, self.suppress_n, self.draws) < 0:
            raise ValueError("Minimum sizes and the number of draws cannot be negative.")
        if not 0 <= self.exclude_share < 1:
            raise ValueError("The share below which a group is excluded lies between 0 and 1, for example 0.02.")


def few_people(group: GroupCounts, reference: GroupCounts, settings: FairnessSettings) -> str:
    """Why the group or its reference has too few people to conclude from, or nothing."""
    for who, each in (("", group), ("The reference group has ", reference)):
        if each.n < settings.conclude_n:
            return f"{who}{each.n} people, {settings.conclude_n} needed."
    return ""


def shortage(group: GroupCounts, reference: GroupCounts, settings: FairnessSettings) -> str:
    """Why there are too few people or decisions of either kind, or nothing."""
    few = few_people(group, reference, settings)
    if few:
        return few
    for who, each in (("", group), ("The reference group has ", reference)):
        if each.favourable < settings.conclude_favourable:
            return f"{who}{each.favourable} favourable decisions, {settings.conclude_favourable} needed."
        if each.unfavourable < settings.conclude_unfavourable:
            return f"{who}{each.unfavourable} unfavourable decisions, {settings.conclude_unfavourable} needed."
    return ""


def few_outcomes(group: GroupCounts, reference: GroupCounts | None, settings: FairnessSettings) -> str:
    """Why there are too few known outcomes of either kind, or nothing."""
    for who, each in (("", group), ("The reference group has ", reference)):
        if each is None:
            continue
        if each.good + each.bad < settings.conclude_n:
            return f"{who}{each.good + each.bad} known outcomes, {settings.conclude_n} needed."
        if each.good < settings.conclude_favourable:
            return f"{who}{each.good} good outcomes, {settings.conclude_favourable} needed."
        if each.bad < settings.conclude_unfavourable:
            return f"{who}{each.bad} bad outcomes, {settings.conclude_unfavourable} needed."
    return ""
