"""Where groups stand in a ranked list: exposure, skew and impact ratio of the top, divergence of the whole list."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.comparison import not_shown
from mrm.measures.fairness.judging import Thresholds, judged
from mrm.measures.fairness.ordered import cumulative_ratios
from mrm.measures.fairness.suppression import withheld_parts
from mrm.measures.intervals import generator, normal_quantile, wilson
from mrm.measures.results import Result

MEASURES = ("exposure_ratio", "skew_at_k", "top_k_ratio", "ndkl")
PERMUTATIONS = 200

Values = NDArray[np.float64]


def ranking(
    groups: Sequence[str | None], attribute: str, reference: str, tops: Sequence[int], settings: FairnessSettings,
    thresholds: Thresholds | None = None,
) -> list[Result]:  # fmt: skip
    """Measures of a list of people, the best first, each with a group or None.

    People whose group is not known keep their rank and are in no group. `tops` are the lengths k of
    the top of the list. Raises ValueError if the reference has nobody or a top is longer than the list.
    """
    names = sorted({each for each in groups if each is not None})
    if reference not in names:
        raise ValueError(f"The reference group {reference} of {attribute} has nobody in the list.")
    if any(not 0 < k <= len(groups) for k in tops):
        raise ValueError(f"A top has between 1 and {len(groups)} places, the length of the list.")
    member = np.array([[each == name for name in names] for each in groups])
    hidden = withheld_parts(Counter(groups), settings.suppress_n)
    out = [
        *_of_groups(member, names, attribute, reference, tops, hidden, settings),
        _divergence(member, attribute, settings),
    ]
    return [judged(each, thresholds) for each in out]


def exposure(ranks: NDArray[np.int64]) -> Values:
    """Attention that a rank (1 is the best) gets, 1 / log2(1 + rank) (Singh and Joachims 2018)."""
    return np.asarray(1 / np.log2(1 + ranks))


def ndkl(member: NDArray[np.bool_]) -> float:
    """Normalised discounted divergence of every top of the list from the whole (Geyik, Ambler and Kenthapadi 2019).

    `member` has shape (rows, groups), the best row first; rows of no group are left out. 0 is
    the same mix everywhere.
    """
    rows = member[member.any(axis=1)]
    share = rows.mean(axis=0)
    tops = rows.cumsum(axis=0) / np.arange(1, len(rows) + 1)[:, None]
    ratio = np.divide(tops, share, out=np.ones(tops.shape), where=(tops > 0) & (share > 0))
    weights = exposure(np.arange(1, len(rows) + 1))
    return float(weights @ (tops * np.log(ratio)).sum(axis=1) / weights.sum())


def _of_groups(
    member: NDArray[np.bool_], names: list[str], attribute: str, reference: str, tops: Sequence[int],
    hidden: frozenset[str | None], settings: FairnessSettings,
) -> Iterator[Result]:  # fmt: skip
    attention = exposure(np.arange(1, len(member) + 1))
    base = names.index(reference)
    sizes = member.sum(axis=0)
    for place, group in enumerate(names):
        n, m = int(sizes[place]), int(sizes[base])
        if group in hidden:
            yield from (not_shown(measure, attribute, group, n, settings) for measure in MEASURES[:3])
            continue
        compared = place != base and reference not in hidden
        few = min(n, m) < settings.conclude_n
        lacking = f"{min(n, m)} people in the smaller group, {settings.conclude_n} needed." if few else ""
        row = partial(
            Result, n=n, status="insufficient" if few else "info", reason=lacking, attribute=attribute, group=group
        )
        if compared:
            value, low, high = _mean_ratio(attention[member[:, place]], attention[member[:, base]])
            method = "mean attention 1 / log2(1 + rank) over that of the reference; delta-method interval"
            yield row("exposure_ratio", value, low, high, method=method, reference=reference)
        for k in tops:
            reached, theirs = int(member[:k, place].sum()), int(member[:k, base].sum())
            yield _skew(reached, k, n / len(member), row)
            if compared:
                found = cumulative_ratios(np.array([reached]), np.array([theirs]), n, m)
                value, low, high = (float(x[0]) for x in (found.value, found.lower, found.upper))
                method = f"share of the group in the top {k:,} over that of the reference; log interval"
                detail = {"k": k, "reached": reached, "reference_reached": theirs}
                yield row("top_k_ratio", value, low, high, method=method, reference=reference, detail=detail)


def _skew(reached: int, k: int, share: float, row: Callable[..., Result]) -> Result:
    """ln(share of the top k that is of the group / share of everybody that is) (Geyik et al. 2019)."""
    method = f"ln of the share in the top {k:,} over the share of all; Wilson interval of the former"
    detail = {"k": k, "reached": reached}
    if not reached:
        reason = f"Nobody of the group is in the top {k:,}; the logarithm has no limit."
        return row("skew_at_k", None, None, None, method=method, detail=detail, status="insufficient", reason=reason)
    low, high = (math.log(bound / share) for bound in wilson(reached, k))
    return row("skew_at_k", math.log(reached / k / share), low, high, method=method, detail=detail)


def _mean_ratio(mine: Values, theirs: Values) -> tuple[float, float, float]:
    value = float(mine.mean() / theirs.mean())
    spread = sum(side.var(ddof=1) / len(side) / side.mean() ** 2 if len(side) > 1 else 0.0 for side in (mine, theirs))
    factor = math.exp(normal_quantile() * math.sqrt(float(spread)))
    return value, value / factor, value * factor


def _divergence(member: NDArray[np.bool_], attribute: str, settings: FairnessSettings) -> Result:
    rows = member[member.any(axis=1)]
    value = ndkl(rows)
    rng = generator(settings.seed, f"ndkl/{attribute}")
    chance = [ndkl(rows[rng.permutation(len(rows))]) for _ in range(PERMUTATIONS)]
    p = (1 + sum(each >= value for each in chance)) / (PERMUTATIONS + 1)
    method = f"discounted divergence of every top from the whole list; no interval: {PERMUTATIONS} permutations give a p-value instead"
    few = len(rows) < settings.conclude_n
    lacking = f"{len(rows)} people, {settings.conclude_n} needed." if few else ""
    return Result("ndkl", value, None, None, len(rows), method, status="insufficient" if few else "info", reason=lacking,
                  attribute=attribute, detail={"p": p, "by_chance": float(np.mean(chance))})  # fmt: skip
