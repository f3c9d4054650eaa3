"""Loss given default and exposure at default against what was realised: level and ranking."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mrm.measures.checks import Scores, counts, finite, same_length
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import bootstrap_counts, generator, percentile

EDGES = (0.05, *(k / 10 for k in range(1, 11)))
DRAWS = 2_000


def paired_t(realised: ArrayLike, estimated: ArrayLike) -> HypothesisTest:
    """One-sided paired t-test that realised values exceed the estimates on average; shapes (n,).

    For LGD and conversion factors (ECB 2019, Instructions for reporting the validation results of
    internal models). Raises ValueError with fewer than two rows or without spread.
    """
    r, e = finite(realised, "realised"), finite(estimated, "estimated")
    n, excess = same_length(realised=r, estimated=e), r - e
    if n < 2 or excess.std() == 0:
        raise ValueError("The t-test needs at least two rows whose excess over the estimate differs; add rows.")
    t = float(excess.mean() / (excess.std(ddof=1) / n**0.5))
    note = f"{n} rows are few for a t-test of losses, which are seldom normal." if n < 30 else ""
    null = "Realised values are on average at most the estimates."
    detail = {"mean_realised": float(r.mean()), "mean_estimated": float(e.mean())}
    return HypothesisTest("Paired t", t, float(stats.t.sf(t, n - 1)), n, null, "one-sided, paired", n - 1, note, detail)


def loss_capture_ratio(
    realised: ArrayLike, estimated: ArrayLike, exposure: ArrayLike | None = None, seed: int = 0, draws: int = 200
) -> Estimate:
    """Area of the loss capture curve above the diagonal, over that of the ideal order; 1 is perfect, 0 random.

    The curve is a CAP with losses for events: rows from the highest estimate down, against the
    cumulative share of loss, weighted by exposure if given (Li, Bhariok, Keenan and Santilli 2009,
    J. Risk Model Validation 3:3). Rows of equal estimate share their loss. Interval: percentile
    bootstrap of rows. Raises ValueError without loss or if all losses are alike.
    """
    r, e = finite(realised, "realised"), finite(estimated, "estimated")
    weight = np.ones(r.size) if exposure is None else finite(exposure, "exposure")
    n = same_length(realised=r, estimated=e, exposure=weight)
    if (weight <= 0).any():
        row = int(np.argmax(weight <= 0))
        raise ValueError(f"Column exposure, row {row + 1:,}: {weight[row]:g} is not positive; leave the row out.")
    if not (r * weight).sum() > 0 or np.ptp(r) == 0:
        raise ValueError("Column realised adds up to no loss or holds one value only; there is no order to capture.")
    model, ideal = _ranks(e), _ranks(r)
    rng, samples = generator(seed, "loss capture"), np.empty(draws)
    for place in range(draws):
        drawn = np.bincount(rng.integers(0, n, n), minlength=n) * weight
        samples[place] = _captured(r, drawn, model) / (_captured(r, drawn, ideal) or np.nan)
    low, high = percentile(samples)
    reason = "" if low is not None else "Too many bootstrap draws hold no loss."
    weighted = "weighted by row" if exposure is None else "weighted by exposure"
    method = f"loss capture, {weighted}; percentile bootstrap of rows, {draws:,} draws"
    return Estimate(_captured(r, weight, model) / _captured(r, weight, ideal), low, high, method, n, reason)


def classes(values: ArrayLike, edges: tuple[float, ...] = EDGES) -> NDArray[np.intp]:
    """The class of each value, 0 to len(edges), by edges that belong to the class above; shape (n,).

    The default makes twelve: below 5 %, to 10 %, then by ten points, and 100 % or more.
    """
    return np.searchsorted(np.asarray(edges), finite(values, "value"), side="right")


def cross_table(realised: ArrayLike, estimated: ArrayLike, edges: tuple[float, ...] = EDGES) -> NDArray[np.int64]:
    """Rows by class of realised and of estimated value, (classes, classes); tables of batches add up."""
    first, second = classes(realised, edges), classes(estimated, edges)
    same_length(realised=first, estimated=second)
    table = np.zeros((len(edges) + 1, len(edges) + 1), dtype=np.int64)
    np.add.at(table, (first, second), 1)
    return table


def somers_d(table: ArrayLike, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """Concordant less discordant pairs over pairs of different realised class (Somers 1962, Am. Sociol. Rev. 27:799).

    `table` (rows, columns) counts rows by realised and estimated class, both rising. Interval:
    percentile bootstrap of the cells. Raises ValueError if all rows realise one class.
    """
    found = np.asarray(table)
    cells = counts(found.ravel(), "count").reshape(found.shape)
    value = float(_somers(cells[None])[0])
    if np.isnan(value):
        raise ValueError("All rows realise one class; there is no order to find. Add rows or finer classes.")
    low, high = percentile(_somers(bootstrap_counts(cells, draws, generator(seed, "somers"))))
    reason = "" if low is not None else "Too many bootstrap draws realise one class only."
    method = f"pairs of classes; percentile bootstrap, {draws:,} draws"
    return Estimate(value, low, high, method, int(cells.sum()), reason)


def generalised_auc(table: ArrayLike, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """(Somers' D + 1) / 2: chance that the higher of two realised classes was estimated higher, ties half.

    ECB (2019, Instructions for reporting the validation results of internal models).
    """
    found = somers_d(table, seed, draws)
    low, high = (None if bound is None else (bound + 1) / 2 for bound in (found.lower, found.upper))
    return Estimate((found.value + 1) / 2, low, high, f"(Somers' D + 1) / 2; {found.method}", found.n, found.reason)


def _somers(tables: NDArray[np.int64]) -> Scores:
    """Somers' D of each table, (draws, realised, estimated) to (draws,)."""
    t = tables.astype(np.float64)
    n = t.sum(axis=(1, 2))
    below = np.zeros_like(t)
    below[:, 1:, 1:] = t.cumsum(axis=1).cumsum(axis=2)[:, :-1, :-1]
    left = np.zeros_like(t)
    left[:, 1:, :-1] = t.cumsum(axis=1)[:, :-1, ::-1].cumsum(axis=2)[:, :, ::-1][:, :, 1:]
    pairs = (n**2 - (t.sum(axis=2) ** 2).sum(axis=1)) / 2
    gap = (t * (below - left)).sum(axis=(1, 2))
    return np.asarray(np.divide(gap, pairs, out=np.full(n.shape, np.nan), where=pairs > 0))


def _ranks(values: Scores) -> NDArray[np.intp]:
    """Place among the distinct values from the highest down, shape (n,)."""
    return np.unique(-values, return_inverse=True)[1]


def _captured(loss: Scores, weight: Scores, place: NDArray[np.intp]) -> float:
    """Area between the capture curve and the diagonal; rows of one place together."""
    rows = np.bincount(place, weights=weight)
    losses = np.bincount(place, weights=weight * loss)
    if losses.sum() <= 0:
        return float("nan")
    x, y = np.r_[0, rows.cumsum()] / rows.sum(), np.r_[0, losses.cumsum()] / losses.sum()
    return float(np.trapezoid(y, x) - 0.5)
