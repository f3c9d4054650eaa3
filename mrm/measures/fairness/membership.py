"""Groups known as probabilities only: membership by surname and place, and measures that weight by it.

A weighted rate is right only if, given what the probability was made from, the decision does not
depend on the group; else it leans (Chen, Kallus, Mao, Svacha and Udell 2019, "Fairness under
unawareness"). Nobody is assigned to the most probable group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.comparison import Bounds, not_shown
from mrm.measures.fairness.judging import Thresholds, judged
from mrm.measures.intervals import normal_quantile
from mrm.measures.results import Result

MEASURES = ("weighted_selection_rate", "weighted_air", "weighted_tpr_gap")
FIXED_POINT = 2**20
_CHUNK = 2**18

Values = NDArray[np.float64]
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Weighted:
    """Sums of membership probabilities and of their products, by (outcome, favourable), in fixed point.

    `sums` has shape (groups,), `products` (groups, groups). Whole numbers, so parts add up to the
    whole in any order. The outcome is 1 where the favourable decision is right, 0, or -1 (not known).
    """

    attribute: str
    groups: tuple[str, ...]
    n: int = 0
    sums: Mapping[Place, NDArray[np.object_]] = field(default_factory=dict)
    products: Mapping[Place, NDArray[np.object_]] = field(default_factory=dict)

    def total(self, place: Place) -> Values:
        """Expected people of every group in one (outcome, favourable)."""
        zero = np.zeros(len(self.groups), dtype=object)
        return np.asarray(self.sums.get(place, zero) / FIXED_POINT, dtype=np.float64)

    def product(self, place: Place) -> Values:
        """Sums of products of two groups' probabilities in one (outcome, favourable)."""
        zero = np.zeros((len(self.groups), len(self.groups)), dtype=object)
        return np.asarray(self.products.get(place, zero) / FIXED_POINT**2, dtype=np.float64)


def surname_and_place(
    given_surname: Values, place_given_group: Values, first_name_given_group: Values | None = None
) -> Values:
    """Probability of every group, shape (rows, groups), from surname, place and perhaps first name.

    BISG (Elliott et al. 2009, Health Services and Outcomes Research Methodology 9:69): proportional
    to p(group | surname) p(place | group); with first names BIFSG (Voicu 2018, Statistics and Public
    Policy 5:1). Rows in which nothing is possible are not a number. Raises ValueError on negative
    or uneven input.
    """
    parts = [given_surname, place_given_group, *([] if first_name_given_group is None else [first_name_given_group])]
    if any(part.shape != given_surname.shape for part in parts):
        raise ValueError("Surname, place and first name need one row per person and one column per group.")
    if any((part < 0).any() for part in parts):
        raise ValueError("Probabilities cannot be negative.")
    joint = np.prod(parts, axis=0)
    whole = joint.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(joint, whole, out=np.full(joint.shape, np.nan), where=whole > 0))


def summarise(
    attribute: str, groups: tuple[str, ...], weights: Values, favourable: NDArray[np.bool_], right: NDArray[np.int64]
) -> Weighted:
    """Compress membership probabilities, shape (rows, groups), with decisions and outcomes, shape (rows,).

    Rows whose weights are not a number belong to no group. Raises ValueError on weights outside 0
    to 1 or that add up to more than 1, and on shapes that do not fit.
    """
    if weights.shape != (len(favourable), len(groups)) or len(right) != len(favourable):
        raise ValueError(
            f"Weights have the shape {weights.shape}; {len(favourable)} rows and {len(groups)} groups are needed."
        )
    known = ~np.isnan(weights).any(axis=1)
    weights, favourable, right = weights[known], favourable[known], right[known]
    wrong = int(((weights < 0).any(axis=1) | (weights.sum(axis=1) > 1 + 1e-6)).sum())
    if wrong:
        raise ValueError(f"The probabilities of {wrong} rows are negative or add up to more than 1.")
    whole = np.floor(weights * FIXED_POINT + 0.5).astype(np.int64)
    sums: dict[Place, NDArray[np.object_]] = {}
    products: dict[Place, NDArray[np.object_]] = {}
    for outcome in (-1, 0, 1):
        for decision in (0, 1):
            rows = whole[(right == outcome) & (favourable == bool(decision))]
            if len(rows):
                sums[outcome, decision] = rows.sum(axis=0).astype(object)
                parts = (rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK))
                products[outcome, decision] = sum((part.T @ part).astype(object) for part in parts)
    return Weighted(attribute, groups, len(weights), sums, products)


def merge(first: Weighted, second: Weighted) -> Weighted:
    """Both together; associative and commutative, exactly. Raises ValueError on different groups."""
    if (first.attribute, first.groups) != (second.attribute, second.groups):
        raise ValueError("Probabilities of different groups cannot be merged.")
    sums, products = dict(first.sums), dict(first.products)
    for place in second.sums:
        sums[place] = sums[place] + second.sums[place] if place in sums else second.sums[place]
        products[place] = products[place] + second.products[place] if place in products else second.products[place]
    return Weighted(first.attribute, first.groups, first.n + second.n, sums, products)


def weighted(
    summary: Weighted, reference: str, settings: FairnessSettings, thresholds: Thresholds | None = None
) -> list[Result]:
    """Selection rate of every group, and ratio and TPR gap against the reference, weighted by membership.

    Intervals by linearisation, the covariance of people who count in both groups included. n is
    the effective size, (sum of weights)² over the sum of squared weights. Raises ValueError if the
    reference is not among the groups.
    """
    if reference not in summary.groups:
        raise ValueError(f"{reference} is none of {', '.join(summary.groups)}.")
    base = summary.groups.index(reference)
    return [judged(each, thresholds) for each in _measured(summary, base, settings)]


def _measured(summary: Weighted, base: int, settings: FairnessSettings) -> Iterator[Result]:
    everybody = _Rates(summary, (-1, 0, 1))
    good = _Rates(summary, (1,))
    for place, group in enumerate(summary.groups):
        same = place == base
        size = everybody.effective[place]
        if size < settings.suppress_n:
            yield not_shown(MEASURES[0], summary.attribute, group, size, settings)
            continue
        rate, error = everybody.rate[place], everybody.covariance[place, place] ** 0.5
        yield _result(MEASURES[0], summary, place, base, rate, _around(rate, error), size, "weighted favourable over weights", settings, is_reference=same)  # fmt: skip
        if same or everybody.effective[base] < settings.suppress_n:
            continue
        yield _ratio(summary, place, base, everybody, settings)
        if good.effective[place] > 0 and good.effective[base] > 0:
            gap = good.rate[place] - good.rate[base]
            spread = good.covariance[place, place] + good.covariance[base, base] - 2 * good.covariance[place, base]
            yield _result(MEASURES[2], summary, place, base, gap, _around(gap, max(0.0, spread) ** 0.5), good.effective[place], "weighted TPR of the group minus that of the reference", settings)  # fmt: skip


class _Rates:
    """Weighted rates, effective sizes and the covariance of the rates over some outcomes."""

    def __init__(self, summary: Weighted, outcomes: tuple[int, ...]) -> None:
        hit = sum((summary.total((y, 1)) for y in outcomes), np.zeros(len(summary.groups)))
        missed = sum((summary.total((y, 0)) for y in outcomes), np.zeros(len(summary.groups)))
        blank = np.zeros((len(summary.groups), len(summary.groups)))
        on = sum((summary.product((y, 1)) for y in outcomes), blank)
        off = sum((summary.product((y, 0)) for y in outcomes), blank)
        whole = hit + missed
        with np.errstate(divide="ignore", invalid="ignore"):
            self.rate = hit / whole
            self.effective = np.nan_to_num(whole**2 / np.diag(on + off))
            left = 1 - self.rate
            self.covariance = (on * np.outer(left, left) + off * np.outer(self.rate, self.rate)) / np.outer(
                whole, whole
            )


def _ratio(summary: Weighted, place: int, base: int, rates: _Rates, settings: FairnessSettings) -> Result:
    method = "ratio of weighted selection rates"
    mine, theirs = rates.rate[place], rates.rate[base]
    if not mine or not theirs:
        value = None if not theirs else 0.0
        said = f"{method}; no interval: a rate is 0"
        return _result(MEASURES[1], summary, place, base, value, (None, None), rates.effective[place], said, settings)
    shared = rates.covariance
    spread = shared[place, place] / mine**2 + shared[base, base] / theirs**2 - 2 * shared[place, base] / (mine * theirs)
    factor = float(np.exp(normal_quantile() * max(0.0, spread) ** 0.5))
    value = float(mine / theirs)
    return _result(MEASURES[1], summary, place, base, value, (value / factor, value * factor), rates.effective[place], method, settings)  # fmt: skip


def _result(
    measure: str, summary: Weighted, place: int, base: int, value: float | None, interval: Bounds, size: float, method: str,
    settings: FairnessSettings, **detail: bool,
) -> Result:  # fmt: skip
    few = size < settings.conclude_n
    lacking = (
        f"An effective size of {size:.0f}, {settings.conclude_n} needed."
        if few
        else ""
        if value is not None
        else "Nobody to compare."
    )
    made = method if "no interval" in method else f"{method}; linearised interval"
    return Result(
        measure, value, *interval, int(size), made, status="insufficient" if lacking else "info", reason=lacking,
        attribute=summary.attribute, group=summary.groups[place], reference=summary.groups[base],
        detail={"effective_n": size, "people": summary.n, **detail},
    )  # fmt: skip


def _around(value: float, error: float) -> tuple[float, float]:
    half = normal_quantile() * error
    return value - half, value + half
