"""One reading of an experiment: first whether the arms are what they should be, and only then what they show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mrm.measures.experiments.arms import Arm, Balance, balance, holm
from mrm.measures.experiments.normal import beyond
from mrm.measures.experiments.sequential import boundaries, likelihood_ratio, two_proportions


@dataclass(frozen=True, slots=True)
class Compared:
    """One arm against the control at a planned look."""

    arm: str
    difference: float
    z: float
    p_value: float
    limit: float
    crossed: bool
    better: bool


@dataclass(frozen=True, slots=True)
class Guarded:
    """One arm against the control, whenever it is asked: the mixture likelihood ratio, and whether it stops for harm."""

    arm: str
    ratio: float
    stops: bool


def sample_ratio(arms: Sequence[Arm], weights: Mapping[str, float]) -> Balance:
    """Whether the arms hold the units that the assignment should have given them: asked before anything else."""
    return balance({arm.name: arm.units for arm in arms}, weights)


def at_look(arms: Sequence[Arm], look: int, looks: int, alpha: float, higher_is_better: bool) -> list[Compared]:
    """Every arm against the first, which is the control, at a planned look.

    One comparison crosses at the O'Brien-Fleming limit of the look; of several, Holm's procedure decides at the error
    that the limit stands for, 2 (1 - Phi(limit)).
    """
    control, *treated = arms
    limit = boundaries(looks, alpha)[look - 1]
    tested = [two_proportions(control, arm) for arm in treated]
    crossed = holm([p for _, p in tested], beyond(limit))
    return [
        Compared(arm.name, arm.rate - control.rate, z, p, limit, over, (z > 0) == higher_is_better)
        for arm, (z, p), over in zip(treated, tested, crossed, strict=True)
    ]


def guarded(arms: Sequence[Arm], alpha: float, tau: float, higher_is_better: bool) -> list[Guarded]:
    """Every arm against the control by the mixture likelihood ratio: it stops at 1 / alpha where the arm does worse."""
    control, *treated = arms
    found = []
    for arm in treated:
        ratio, worse = likelihood_ratio(control, arm, tau), (arm.rate < control.rate) == higher_is_better
        found.append(Guarded(arm.name, ratio, ratio >= len(treated) / alpha and worse and arm.rate != control.rate))
    return found


def look_due(per_arm: int, horizon: int, looks: int) -> int:
    """The planned look that so many units in the smallest arm have reached; 0 before the first."""
    return min(per_arm * looks // horizon, looks)
