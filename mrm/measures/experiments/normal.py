"""The standard normal distribution from the standard library: a web process that names a limit loads no more."""

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def quantile(share: float) -> float:
    """The value below which `share` of the distribution lies."""
    return _STANDARD.inv_cdf(share)


def below(value: float) -> float:
    """The share of the distribution below a value."""
    return _STANDARD.cdf(value)


def beyond(z: float) -> float:
    """The share farther from 0 than z on either side, exact far out too: erfc(|z| / sqrt 2)."""
    return math.erfc(abs(z) / math.sqrt(2))
