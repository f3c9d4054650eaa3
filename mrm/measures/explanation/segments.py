"""Attribution by group: which features make the gap between two groups, and which cases are shown in full."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mrm.measures.explanation.attributions import Explanation, resampled_means
from mrm.measures.intervals import generator, percentile


@dataclass(frozen=True, slots=True)
class GapPart:
    """A feature's part in the difference of two groups' mean outputs, with its interval and share.

    `share` is None where the groups do not differ.
    """

    feature: str
    value: float
    lower: float | None
    upper: float | None
    share: float | None


def gap(explanation: Explanation, groups: Sequence[str | None], group: str, reference: str, seed: int) -> list[GapPart]:
    """Mean attribution of `group` minus that of `reference`, largest first.

    The parts sum to the gap of the mean outputs, because attributions sum to outputs. Interval:
    percentile bootstrap within each group. Rows without a group count in neither. Raises ValueError
    if a group has fewer than two rows.
    """
    named = np.array([each if each is not None else "" for each in groups])
    one, other = (explanation.values[named == each] for each in (group, reference))
    for name, rows in ((group, one), (reference, other)):
        if len(rows) < 2:
            raise ValueError(f"{len(rows)} explained rows are of the group {name}; at least 2 are needed.")
    parts = one.mean(axis=0) - other.mean(axis=0)
    rng = generator(seed, f"gap/{group}/{reference}")
    drawn = resampled_means(one, rng) - resampled_means(other, rng)
    whole = float(parts.sum())
    scale = float(np.abs(explanation.values).sum(axis=1).mean())
    found = [
        GapPart(name, float(parts[i]), *percentile(drawn[:, i]), float(parts[i]) / whole if abs(whole) > 1e-12 * scale else None)
        for i, name in enumerate(explanation.feature_names)
    ]  # fmt: skip
    return sorted(found, key=lambda each: (-abs(each.value), each.feature))


def prescribed_cases(
    explanation: Explanation, cutoff: float, *, favourable: str, groups: Sequence[str | None] = ()
) -> dict[str, int]:
    """Positions of the cases that a report shows in full, by what each is.

    Clear approval and clear decline are the outputs farthest from `cutoff` (in the unit of the
    outputs) on either side, the borderline case the nearest; the outlier has the largest distance
    from the medians in units of the interquartile range; the pair are two people of different
    groups with the nearest outputs. Without groups, or with everybody on one side, those are left out.
    """
    outputs = explanation.values.sum(axis=1) + explanation.base
    side = (outputs - cutoff) * (1 if favourable == "at_or_above" else -1)
    found: dict[str, int] = {}
    if (side > 0).any():
        found["clear approval"] = int(np.argmax(side))
    if (side < 0).any():
        found["clear decline"] = int(np.argmin(side))
    found["borderline"] = int(np.argmin(np.abs(side)))
    found["outlier"] = int(np.argmax(_remoteness(explanation)))
    if pair := _nearest_pair(outputs, groups):
        found["pair, first"], found["pair, second"] = pair
    return found


def _remoteness(explanation: Explanation) -> NDArray[np.float64]:
    low, middle, high = np.quantile(explanation.data, [0.25, 0.5, 0.75], axis=0)
    spread = np.where(high > low, high - low, 1.0)
    return np.asarray(np.abs((explanation.data - middle) / spread).max(axis=1))


def _nearest_pair(outputs: NDArray[np.float64], groups: Sequence[str | None]) -> tuple[int, int] | None:
    """Neighbours in the order of the outputs that belong to different groups, with the smallest distance."""
    known = [i for i in np.argsort(outputs, kind="stable") if groups and groups[i] is not None]
    pairs = [(float(outputs[b] - outputs[a]), int(a), int(b)) for a, b in pairwise(known) if groups[a] != groups[b]]
    return min(pairs)[1:] if pairs else None
