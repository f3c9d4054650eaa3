"""How well the score ranks people within a group, and across two groups: AUC parity and xAUC."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mrm.measures.evidence import few_outcomes
from mrm.measures.fairness.comparison import Comparison, result
from mrm.measures.fairness.scores import towards_unfavourable
from mrm.measures.fairness.significance import normal_p
from mrm.measures.groups import GroupCounts, Outcomes
from mrm.measures.intervals import normal_quantile
from mrm.measures.results import Result

OF_A_GROUP = ("auc_gap", "xauc_gap")

Area = tuple[float, float | None]


def against(group: GroupCounts, comparison: Comparison) -> Iterator[Result]:
    """Difference of the areas under the ROC curve, and of the two areas across the groups.

    xAUC (Kallus and Zhou 2019): the probability that a good case of one group is ranked above a
    bad case of the other. The gap is that of the group's good cases minus that of the reference's.
    """
    mine, theirs = _sides(group, comparison), _sides(comparison.reference, comparison)
    lacking = few_outcomes(group, comparison.reference, comparison.settings)
    for measure, first, second, said in (
        ("auc_gap", mine, theirs, "AUC of the group minus that of the reference"),
        ("xauc_gap", (mine[0], theirs[1]), (theirs[0], mine[1]),
         "good of the group above bad of the reference, minus good of the reference above bad of the group"),
    ):  # fmt: skip
        yield _difference(measure, area(*first), area(*second), said, group, comparison, lacking)


def area(good: Outcomes, bad: Outcomes) -> Area | None:
    """Probability that a good case lies in an earlier bin than a bad one, ties half, and its variance.

    Counts of shape (bins,). The variance is that of DeLong, DeLong and Clarke-Pearson (1988,
    Biometrics 44:837) on binned scores; None with a single case on a side. None without both.
    """
    m, n = int(good.sum()), int(bad.sum())
    if not m or not n:
        return None
    beaten = 1 - (bad.cumsum() - bad / 2) / n
    value = float(good @ beaten) / m
    if m < 2 or n < 2:
        return value, None
    beating = (good.cumsum() - good / 2) / m
    spread = (float(good @ (beaten - value) ** 2) / (m - 1)) / m + (float(bad @ (beating - value) ** 2) / (n - 1)) / n
    return value, spread


def _sides(group: GroupCounts, comparison: Comparison) -> tuple[Outcomes, Outcomes]:
    """Good and bad cases by score bin, from the most favourable score on."""
    good = comparison.summary.spec.good_outcome
    table = towards_unfavourable(comparison.tables[group.group], comparison.summary)
    return table[1 + good], table[2 - good]


def _difference(
    measure: str, first: Area | None, second: Area | None, said: str, group: GroupCounts, comparison: Comparison, lacking: str
) -> Result:  # fmt: skip
    spec, n = comparison.summary.spec, group.outcomes
    method = f"{said}; scores in bins of {(spec.high - spec.low) / spec.bins:g}"
    if first is None or second is None:
        return result(measure, comparison, group, None, (None, None), method, lacking=lacking, n=n)
    value, names = first[0] - second[0], {"group_area": first[0], "reference_area": second[0]}
    if first[1] is None or second[1] is None:
        method += "; no interval: a single case on one side"
        return result(measure, comparison, group, value, (None, None), method, lacking=lacking, n=n, **names)
    error = float(np.sqrt(first[1] + second[1]))
    half = normal_quantile() * error
    test = {"p": normal_p(value / error), "p_adjusted": None} if error and not lacking else {}
    interval = (max(-1.0, value - half), min(1.0, value + half))
    return result(measure, comparison, group, value, interval, f"{method}; DeLong interval", lacking=lacking, n=n, **names, **test)  # fmt: skip
