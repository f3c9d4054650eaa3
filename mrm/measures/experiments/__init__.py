"""Experiments between versions: how large, when to look, when to stop, and whether the arms are what they should be."""

from mrm.measures.experiments.arms import Arm, Balance, balance, holm
from mrm.measures.experiments.power import arm_size, power_of, smallest_effect
from mrm.measures.experiments.reading import Compared, Guarded, at_look, guarded, look_due, sample_ratio
from mrm.measures.experiments.sequential import boundaries, crossing, likelihood_ratio, two_proportions

__all__ = [
    "Arm",
    "Balance",
    "Compared",
    "Guarded",
    "arm_size",
    "at_look",
    "balance",
    "boundaries",
    "crossing",
    "guarded",
    "holm",
    "likelihood_ratio",
    "look_due",
    "power_of",
    "sample_ratio",
    "smallest_effect",
    "two_proportions",
]
