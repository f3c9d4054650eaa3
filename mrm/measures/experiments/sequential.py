"""Looking more than once: boundaries for planned looks, and a likelihood ratio for looking all the time."""

from __future__ import annotations

import math
from functools import cache

from mrm.measures.experiments.arms import Arm
from mrm.measures.experiments.normal import beyond, quantile

_POINTS = 801


@cache
def boundaries(looks: int, alpha: float = 0.05) -> tuple[float, ...]:
    """The O'Brien-Fleming limits of |z| at each of `looks` equally spaced looks, two-sided at `alpha` overall.

    z(k) = C sqrt(K / k), with C found so that the chance of ever crossing is `alpha` (O'Brien and Fleming, "A multiple
    testing procedure for clinical trials", Biometrics 35 (1979), 549-556). The chance is computed by the recursive
    integration of Armitage, McPherson and Rowe, "Repeated significance tests on accumulating data", Journal of the
    Royal Statistical Society A 132 (1969), 235-244. For 5 looks at 5 % C is 2.040 (Jennison and Turnbull, "Group
    Sequential Methods with Applications to Clinical Trials", 2000, table 2.3). Raises ValueError without a look.
    """
    if looks < 1 or not 0 < alpha < 1:
        raise ValueError("A plan has at least one look, and an error between 0 and 1.")
    if looks == 1:
        return (quantile(1 - alpha / 2),)
    from scipy import optimize  # noqa: PLC0415  slow to load, and a web process seldom computes

    constant = float(optimize.brentq(lambda c: _ever_crossed(_limits(c, looks)) - alpha, 0.5, 8.0, xtol=1e-9))
    return _limits(constant, looks)


def _limits(constant: float, looks: int) -> tuple[float, ...]:
    return tuple(constant * math.sqrt(looks / look) for look in range(1, looks + 1))


def _ever_crossed(limits: tuple[float, ...]) -> float:
    """The chance that the standardised sum leaves its limits at one of the looks, under no effect.

    S(k) = Z(k) sqrt(k) grows by independent standard normal steps; the density of S(k) among paths that stayed inside
    is carried from look to look by Gauss-Legendre quadrature.
    """
    import numpy as np  # noqa: PLC0415  slow to load, and a web process seldom computes
    from scipy import stats  # noqa: PLC0415  slow to load, and a web process seldom computes

    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    edge = limits[0]
    points, density = edge * nodes, stats.norm.pdf(edge * nodes)
    inside = float(edge * weights @ density)
    for look, limit in enumerate(limits[1:], start=2):
        further = limit * math.sqrt(look) * nodes
        steps = stats.norm.pdf(further[:, None] - points[None, :])
        density = steps @ (edge * weights * density)
        edge, points = limit * math.sqrt(look), further
        inside = float(edge * weights @ density)
    return 1.0 - inside


def two_proportions(control: Arm, treated: Arm) -> tuple[float, float]:
    """z and the two-sided p value of the difference of two rates, treated less control, with the pooled variance.

    Fleiss, Levin and Paik, "Statistical Methods for Rates and Proportions", 3rd ed. 2003, section 3.3, without
    continuity correction. Both are 0 and 1 when nobody or everybody has the outcome; raises ValueError without units.
    """
    if not control.units or not treated.units:
        raise ValueError("A comparison needs units in both arms.")
    pooled = (control.outcomes + treated.outcomes) / (control.units + treated.units)
    variance = pooled * (1 - pooled) * (1 / control.units + 1 / treated.units)
    if not variance:
        return 0.0, 1.0
    z = (treated.rate - control.rate) / math.sqrt(variance)
    return z, beyond(z)


def crossing(z: float, look: int, limits: tuple[float, ...]) -> bool:
    """Whether the comparison at a look, counted from 1, reaches its limit on either side."""
    return abs(z) >= limits[look - 1]


def likelihood_ratio(control: Arm, treated: Arm, tau: float = 0.01) -> float:
    """The mixture likelihood ratio of the difference of two rates; at 1 / alpha the guardrail stops, however often read.

    Lambda = sqrt(V / (V + n tau^2)) exp(n^2 tau^2 d^2 / (2 V (V + n tau^2))), with d the difference of the rates, V the
    sum of their variances per unit and n the units per arm (the harmonic mean where they differ); `tau` is the spread
    of effects expected. Johari, Koomen, Pekelis and Walsh, "Always valid inference: continuous monitoring of A/B
    tests", Operations Research 70 (2022), 1806-1821. 1 without units or without variance.
    """
    if not control.units or not treated.units:
        return 1.0
    variance = control.rate * (1 - control.rate) + treated.rate * (1 - treated.rate)
    if not variance:
        return 1.0
    n = 2 / (1 / control.units + 1 / treated.units)
    d, spread = treated.rate - control.rate, tau**2
    exponent = n**2 * spread * d**2 / (2 * variance * (variance + n * spread))
    return math.sqrt(variance / (variance + n * spread)) * math.exp(min(exponent, 700.0))
