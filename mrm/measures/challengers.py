"""A champion against challengers on the same rows: paired differences, who would be swapped, and what it costs.

Rows are paired because both models scored the same people: differences are far more certain than
the two intervals beside each other suggest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mrm.measures.checks import Labels, Scores, both_classes
from mrm.measures.discrimination import delong_components
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import bootstrap_counts, generator, normal_quantile, percentile, wilson

Decisions = NDArray[np.bool_]
DRAWS = 2_000
EXACT_BELOW = 25


@dataclass(frozen=True, slots=True)
class Swap:
    """People by the decision of both models: how many, and how many turned out well among known outcomes.

    `rate` is the share that turned out well; None where no outcome is known.
    """

    decided: str
    n: int
    known: int
    good: int
    rate: Estimate | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What scoring cost, measured: CPU seconds and peak memory in MB for so many predictions, and of explaining."""

    predictions: int
    cpu_s: float
    memory_mb: float
    explained: int = 0
    explaining_cpu_s: float = 0.0

    def per_thousand(self) -> tuple[float, float | None]:
        """CPU seconds per 1,000 predictions and per 1,000 explanations, the latter None if none were made."""
        explaining = 1_000 * self.explaining_cpu_s / self.explained if self.explained else None
        return 1_000 * self.cpu_s / self.predictions, explaining


def auc_difference(labels: Labels, champion: Scores, challenger: Scores) -> tuple[Estimate, HypothesisTest]:
    """AUC of the challenger minus that of the champion, and the test that they are equal.

    Shapes (n,), both classes present. Paired variance and z test of DeLong, DeLong and
    Clarke-Pearson (1988, Biometrics 44:837). Raises ValueError with a single event or non-event.
    """
    events, others = both_classes(labels)
    if min(events, others) < 2:
        raise ValueError(f"{events} events and {others} non-events; at least 2 of each are needed to compare two AUCs.")
    parts = [delong_components(labels, scores) for scores in (champion, challenger)]
    value = float(parts[1][0].mean() - parts[0][0].mean())
    variance = sum(
        float((parts[1][side] - parts[0][side]).var(ddof=1)) / size for side, size in ((0, events), (1, others))
    )
    error = variance**0.5
    z = value / error if error else 0.0
    half = normal_quantile() * error
    method, n = "difference of paired AUCs; DeLong interval", labels.size
    test = HypothesisTest(
        "paired AUCs", z, float(2 * stats.norm.sf(abs(z))), n, "Both rank equally well.", "DeLong z test"
    )
    return Estimate(value, value - half, value + half, method, n), test


def brier_difference(labels: Labels, champion: Scores, challenger: Scores) -> Estimate:
    """Brier score of the challenger minus that of the champion; below zero is better. Paired normal interval.

    Raises ValueError with fewer than two rows.
    """
    if labels.size < 2:
        raise ValueError(f"{labels.size} rows; at least 2 are needed to compare two Brier scores.")
    losses = (challenger - labels) ** 2 - (champion - labels) ** 2
    half = normal_quantile() * float(losses.std(ddof=1)) / losses.size**0.5
    value = float(losses.mean())
    return Estimate(value, value - half, value + half, "mean paired difference; normal interval", losses.size)


def flip_rate(champion: Decisions, challenger: Decisions) -> Estimate:
    """Share of people whom the two decide differently; Wilson interval. Raises ValueError without rows."""
    if not champion.size:
        raise ValueError("There are no rows to compare decisions on.")
    flipped = int((champion != challenger).sum())
    return Estimate(
        flipped / champion.size,
        *wilson(flipped, champion.size),
        "share decided differently; Wilson interval",
        champion.size,
    )


def mcnemar(right_champion: Decisions, right_challenger: Decisions) -> HypothesisTest:
    """Whether one of the two is right more often (McNemar 1947, Psychometrika 12:153).

    Exact binomial on the rows where only one is right if there are fewer than 25, else chi-square
    without continuity correction. Shapes (n,).
    """
    only_champion = int((right_champion & ~right_challenger).sum())
    only_challenger = int((~right_champion & right_challenger).sum())
    apart, null = only_champion + only_challenger, "Both are right equally often."
    detail = {"only_champion_right": only_champion, "only_challenger_right": only_challenger}
    if apart < EXACT_BELOW:
        p = float(stats.binomtest(only_challenger, apart).pvalue) if apart else 1.0
        return HypothesisTest(
            "McNemar", float(only_challenger), p, right_champion.size, null, "exact binomial", detail=detail
        )
    statistic = (only_challenger - only_champion) ** 2 / apart
    p = float(stats.chi2.sf(statistic, 1))
    return HypothesisTest("McNemar", statistic, p, right_champion.size, null, "chi-square", 1, detail=detail)


def swap_set(champion: Decisions, challenger: Decisions, good: NDArray[np.float64]) -> tuple[Swap, ...]:
    """Everybody by both decisions (true is favourable), with what became of them.

    `good` (n,) is 1 where it turned out well, 0 where not, NaN where nobody knows, as of those whom
    the champion declined: their outcome is not zero, it is unknown.
    """
    sides = (
        ("favourable by both", champion & challenger),
        ("favourable by the champion only", champion & ~challenger),
        ("favourable by the challenger only", ~champion & challenger),
        ("unfavourable by both", ~champion & ~challenger),
    )
    return tuple(_swap(decided, good[chosen]) for decided, chosen in sides)


def ratio_difference(
    champion: Decisions, challenger: Decisions, groups: Sequence[str | None], group: str, reference: str, seed: int
) -> Estimate:
    """Impact ratio under the challenger minus that under the champion, of `group` to `reference`.

    Interval: percentile bootstrap as a multinomial draw on group by both decisions, so that the
    pairing is kept. People without a group count in neither. Raises ValueError if a group is empty
    or nobody of the reference is decided favourably.
    """
    named = np.array([each if each is not None else "" for each in groups])
    cells = np.zeros((2, 2, 2), dtype=np.int64)
    for place, name in enumerate((group, reference)):
        chosen = named == name
        if not chosen.any():
            raise ValueError(f"Nobody is of the group {name}; there is no ratio to compare.")
        np.add.at(cells[place], (champion[chosen].astype(int), challenger[chosen].astype(int)), 1)
    value = float(_ratio_difference(cells[None])[0])
    if not np.isfinite(value):
        raise ValueError(f"Nobody of the reference group {reference} is decided favourably by one of the two.")
    drawn = bootstrap_counts(cells, DRAWS, generator(seed, f"challenger/{group}/{reference}"))
    low, high = percentile(_ratio_difference(drawn))
    reason = "" if low is not None else "Too many bootstrap draws leave the reference without a favourable decision."
    method = f"difference of impact ratios; percentile bootstrap of the paired counts, {DRAWS:,} draws"
    return Estimate(value, low, high, method, int(cells.sum()), reason)


def _swap(decided: str, good: NDArray[np.float64]) -> Swap:
    known = good[~np.isnan(good)]
    count, well = known.size, int(known.sum())
    rate = (
        Estimate(well / count, *wilson(well, count), "share that turned out well; Wilson interval", count)
        if count
        else None
    )
    return Swap(decided, good.size, count, well, rate)


def _ratio_difference(cells: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cells (draws, group, champion, challenger) to the difference of the ratios, shape (draws,)."""
    n = cells.sum(axis=(2, 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        champion, challenger = cells[:, :, 1, :].sum(axis=2) / n, cells[:, :, :, 1].sum(axis=2) / n
        return np.asarray(challenger[:, 0] / challenger[:, 1] - champion[:, 0] / champion[:, 1])
