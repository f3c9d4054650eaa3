"""Whether units fell into the arms as they should have, and what several comparisons amount to together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ALARM = 0.001


@dataclass(frozen=True, slots=True)
class Arm:
    """What was seen in one arm: how many units, and how many of them had the outcome."""

    name: str
    units: int
    outcomes: int

    @property
    def rate(self) -> float:
        """The share with the outcome; 0 without units."""
        return self.outcomes / self.units if self.units else 0.0


@dataclass(frozen=True, slots=True)
class Balance:
    """The chi-square test of the counts against the shares that were assigned."""

    statistic: float
    p_value: float

    @property
    def alarming(self) -> bool:
        """A sample ratio that chance does not explain: nothing else of the reading can be trusted."""
        return self.p_value < ALARM


def balance(counts: Mapping[str, int], weights: Mapping[str, float]) -> Balance:
    """The sample-ratio test: counts per arm against the shares of the assignment, which need not sum to 1.

    Pearson's chi-square goodness of fit (Pearson 1900); the alarm at p < 0.001 is the convention of Fabijan et al.,
    "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019. Raises ValueError when the arms do
    not match, a share is not positive, or nobody was counted.
    """
    from scipy import stats  # noqa: PLC0415  slow to load, and a web process seldom computes

    if set(counts) != set(weights):
        raise ValueError("The counted arms are not those that were assigned.")
    total, whole = sum(counts.values()), sum(weights.values())
    if total <= 0 or any(weight <= 0 for weight in weights.values()):
        raise ValueError("A sample ratio needs counted units and a positive share for every arm.")
    names = sorted(counts)
    expected = [total * weights[name] / whole for name in names]
    found = stats.chisquare([counts[name] for name in names], expected)
    return Balance(float(found.statistic), float(found.pvalue))


def holm(p_values: Sequence[float], alpha: float = 0.05) -> list[bool]:
    """Which hypotheses are rejected when several are tested at once, in the order given.

    Holm's step-down procedure, which holds the family-wise error at `alpha` without assumptions on dependence: Holm,
    "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979), 65-70.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    rejected = [False] * len(p_values)
    for rank, place in enumerate(order):
        if p_values[place] > alpha / (len(p_values) - rank):
            break
        rejected[place] = True
    return rejected
