"""What a measure answers: an estimate with its interval, or a test with its p-value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, its 95 % interval, the number of rows behind it, and how both were made.

    Value and bounds are in the measure's own unit. A value without an interval says why in
    `reason`; raises ValueError if it does not.
    """

    value: float
    lower: float | None
    upper: float | None
    method: str
    n: int
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.method:
            raise ValueError("An estimate names its method.")
        if (self.lower is None or self.upper is None) and not self.reason:
            raise ValueError("An estimate without an interval says why.")


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """A statistic, its p-value under the null hypothesis, and what that hypothesis is.

    A test has a p-value where an estimate has an interval. `note` is what a reader must know
    before acting on it; `detail` holds what the statistic was made of.
    """

    name: str
    statistic: float
    p: float
    n: int
    null: str
    method: str
    degrees: float | None = None
    note: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
