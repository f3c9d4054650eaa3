"""How many units an experiment on a rate needs, and what it can show."""

from __future__ import annotations

import math

from mrm.measures.experiments.normal import below, quantile

_LARGEST = 10**10


def power_of(base: float, effect: float, per_arm: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided z test of two proportions at the end shows a change of `effect` from `base`.

    Normal approximation with the pooled variance under the hypothesis and the separate variances under the
    alternative: Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed. 2003, section 4.2.
    Rates as shares; raises ValueError when a rate leaves (0, 1).
    """
    other = base + effect
    if not 0 < base < 1 or not 0 < other < 1:
        raise ValueError("The rates must lie between 0 and 1, without and with the effect.")
    mean = (base + other) / 2
    null, spread = math.sqrt(2 * mean * (1 - mean)), math.sqrt(base * (1 - base) + other * (1 - other))
    limit = quantile(1 - alpha / 2)
    signal = abs(effect) * math.sqrt(per_arm)
    return below((signal - limit * null) / spread) + below((-signal - limit * null) / spread)


def arm_size(base: float, effect: float, alpha: float = 0.05, power: float = 0.8) -> int:
    """Units needed in each arm so that a change of `effect` is shown with `power`; the same source as `power_of`.

    The closed formula, n = (z(1-a/2) sqrt(2 m (1-m)) + z(power) sqrt(p(1-p) + q(1-q)))^2 / effect^2, rounded up.
    """
    if not effect:
        raise ValueError("No number of units shows an effect of nothing.")
    other = base + effect
    if not 0 < base < 1 or not 0 < other < 1:
        raise ValueError("The rates must lie between 0 and 1, without and with the effect.")
    mean = (base + other) / 2
    limit, reach = quantile(1 - alpha / 2), quantile(power)
    root = limit * math.sqrt(2 * mean * (1 - mean)) + reach * math.sqrt(base * (1 - base) + other * (1 - other))
    return min(math.ceil((root / effect) ** 2), _LARGEST)


def smallest_effect(base: float, per_arm: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest rise over `base` that `per_arm` units in each arm show with `power`; inverse of `power_of`.

    Raises ValueError when not even the largest possible rise would be shown.
    """
    from scipy import optimize  # noqa: PLC0415  slow to load, and a web process seldom computes

    most = 1 - base - 1e-9
    if power_of(base, most, per_arm, alpha) < power:
        raise ValueError(f"{per_arm} units in each arm show no rise over this rate.")
    return float(optimize.brentq(lambda rise: power_of(base, rise, per_arm, alpha) - power, 1e-9, most, xtol=1e-10))
