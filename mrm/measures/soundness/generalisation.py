"""How a model holds beyond its training data: overfit, folds and seeds, benchmark, reproduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from mrm.measures.checks import binary, both_classes, finite, same_length
from mrm.measures.discrimination import NO_SPREAD, auc, delong_components, drop
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import normal_quantile

TOLERANCE = 1e-6


def overfit_gap(train: Estimate, test: Estimate) -> tuple[Estimate, HypothesisTest]:
    """AUC on training less on test data, both samples' errors counted, with the one-sided test that there is none.

    Raises ValueError if an area carries no standard error.
    """
    return drop(train, test, sampled=True)


def dispersion(values: ArrayLike, n: int) -> Estimate:
    """Standard deviation of a measure over folds or seeds, over its mean; `n` rows behind them.

    Raises ValueError with fewer than three values or a mean of zero.
    """
    found = finite(values, "measure")
    if found.size < 3 or found.mean() == 0:
        raise ValueError(f"Dispersion needs three values or more whose mean is not zero; there are {found.size}.")
    reason = "Folds and seeds share rows, so their spread has no honest interval."
    detail = {"mean": float(found.mean()), "min": float(found.min()), "max": float(found.max()), "runs": found.size}
    value = float(found.std(ddof=1) / abs(found.mean()))
    return Estimate(value, None, None, "standard deviation over mean", n, reason, detail)


def paired_auc(labels: ArrayLike, model: ArrayLike, benchmark: ArrayLike) -> tuple[Estimate, HypothesisTest]:
    """AUC of the model less that of a benchmark on the same rows, shapes (n,), with the two-sided test that they are equal.

    DeLong, DeLong and Clarke-Pearson (1988, Biometrics 44:837). Raises ValueError with fewer than
    two rows of an outcome.
    """
    y, one, two = binary(labels), finite(model, "model"), finite(benchmark, "benchmark")
    n = same_length(label=y, model=one, benchmark=two)
    if min(both_classes(y)) < 2:
        raise ValueError("A paired comparison needs two events and two non-events or more; add rows.")
    value = auc(y, one).value - auc(y, two).value
    parts = [delong_components(y, each) for each in (one, two)]
    above, below = (parts[0][side] - parts[1][side] for side in (0, 1))
    error = float(np.sqrt(above.var(ddof=1) / above.size + below.var(ddof=1) / below.size))
    null, method = "Model and benchmark rank equally well.", "paired difference of AUCs"
    if error == 0 and value != 0:
        estimate = Estimate(value, None, None, method, n, NO_SPREAD)
        note = "The difference is the same for every row; its p-value is a limit."
        return estimate, HypothesisTest("Paired AUC", value, 0.0, n, null, "two-sided, no spread", note=note)
    half, z = normal_quantile() * error, value / error if error else 0.0
    estimate = Estimate(value, value - half, value + half, f"{method}; DeLong interval", n)
    return estimate, HypothesisTest("Paired AUC", z, float(2 * stats.norm.sf(abs(z))), n, null, "two-sided z, paired")


def reproduced(
    recorded: Mapping[str, float], again: Mapping[str, float], tolerance: float = TOLERANCE
) -> dict[str, str]:
    """Measures that a second run did not reproduce within `tolerance`, each with a sentence why; empty if all were."""
    out = {}
    for name in sorted({*recorded, *again}):
        if name not in recorded or name not in again:
            out[name] = f"{name} is {'new in' if name in again else 'missing from'} the second run."
        elif not abs(recorded[name] - again[name]) <= tolerance:
            out[name] = f"{name} was {recorded[name]:.10g} and is {again[name]:.10g}; {tolerance:g} is tolerated."
    return out


def fold_values(labels: ArrayLike, scores: ArrayLike, folds: Sequence[int]) -> dict[int, Estimate]:
    """AUC of every fold, by the fold's number; shapes (n,). Raises ValueError if a fold lacks an outcome."""
    y, s, place = binary(labels), finite(scores, "score"), np.asarray(folds)
    same_length(label=y, score=s, fold=place)
    out = {}
    for fold in np.unique(place).tolist():
        rows = place == fold
        if y[rows].min() == y[rows].max():
            raise ValueError(f"Fold {fold} holds one outcome only; stratify the folds by outcome.")
        out[fold] = auc(y[rows], s[rows])
    return out
