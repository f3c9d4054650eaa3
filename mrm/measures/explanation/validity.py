"""Whether an explanation may be believed: stability, agreement with other methods, deletion.

Additivity is checked where the values are computed; this is everything that additivity does not say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from mrm.measures.estimates import Estimate
from mrm.measures.explanation.attributions import Explanation, Matrix, Predict, resampled_means
from mrm.measures.explanation.reasons import Given
from mrm.measures.intervals import generator, normal_quantile, percentile, wilson

TOP = 4
NO_DRAWS = "Too many bootstrap draws are undefined."


def same_reasons(first: Sequence[Sequence[Given]], second: Sequence[Sequence[Given]]) -> Estimate:
    """Share of people who get the same set of codes from both, as under two backgrounds or two seeds.

    Raises ValueError if the two do not cover the same number of people, or nobody.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"Reasons of {len(first)} and of {len(second)} people cannot be compared.")
    same = sum(
        {each.code for each in one} == {each.code for each in other} for one, other in zip(first, second, strict=True)
    )
    return Estimate(
        same / len(first), *wilson(same, len(first)), "share with the same set of codes; Wilson interval", len(first)
    )


def same_leaders(first: Explanation, second: Explanation, top: int = TOP) -> Estimate:
    """Share of rows whose `top` features by absolute attribution are the same set in both explanations.

    Ties go to the earlier feature. Raises ValueError unless both explain the same rows and features.
    """
    _comparable(first, second)
    chosen = [np.sort(np.argsort(-np.abs(each.values), axis=1, kind="stable")[:, :top]) for each in (first, second)]
    same = int((chosen[0] == chosen[1]).all(axis=1).sum())
    method = f"share with the same {top} leading features; Wilson interval"
    return Estimate(same / first.n_rows, *wilson(same, first.n_rows), method, first.n_rows)


def rank_agreement(first: Sequence[float], second: Sequence[float]) -> Estimate:
    """Spearman's rank correlation of two importances of the same features (Spearman 1904, AJP 15:72).

    As between mean |SHAP| and permutation importance, or of two periods. Interval after Fisher's z
    with the variance 1.06 / (n - 3) of Fieller, Hartley and Pearson (1957, Biometrika 44:470); none
    with fewer than four features. Raises ValueError with fewer than two, or if all are equal.
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    n = one.size
    if n < 2 or one.shape != other.shape:
        raise ValueError(f"Importances of {n} and {other.size} features cannot be ranked against each other.")
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        raise ValueError("All features are equally important in one of the two; there is no order to compare.")
    rho = float(stats.spearmanr(one, other).statistic)
    if n < 4 or abs(rho) > 1 - 1e-12:
        reason = "Fewer than four features, or two equal orders, have no interval."
        return Estimate(rho, None, None, "Spearman", n, reason)
    half = normal_quantile() * (1.06 / (n - 3)) ** 0.5
    low, high = np.tanh(np.arctanh(rho) - half), np.tanh(np.arctanh(rho) + half)
    return Estimate(rho, float(low), float(high), "Spearman; Fisher z interval", n)


def permutation_importance(predict: Predict, data: Matrix, seed: int, repeats: int = 5) -> Matrix:
    """Mean absolute change of the output when a column is shuffled, shape (features,).

    Breiman (2001, Machine Learning 45:5) with the output itself in place of the loss, so that no
    outcomes are needed. `data` is (rows, features), `predict` gives one output per row.
    """
    outputs = predict(data)
    out = np.zeros(data.shape[1])
    for column in range(data.shape[1]):
        rng = generator(seed, f"permutation/{column}")
        for _ in range(repeats):
            shuffled = data.copy()
            shuffled[:, column] = rng.permutation(shuffled[:, column])
            out[column] += float(np.abs(predict(shuffled) - outputs).mean()) / repeats
    return out


def surrogate_fidelity(data: Matrix, outputs: Matrix, seed: int) -> Estimate:
    """R² of the best linear model of the outputs: how much of them a straight line per feature tells.

    Interval: percentile bootstrap over rows. Raises ValueError if rows do not exceed features, or
    all outputs are equal.
    """
    n, k = data.shape
    if n <= k + 1:
        raise ValueError(f"A linear surrogate of {k} features needs more than {k + 1} rows; there are {n}.")
    if np.ptp(outputs) == 0:
        raise ValueError("All outputs are equal; there is nothing to approximate.")
    design = np.column_stack([np.ones(n), data])
    rng = generator(seed, "surrogate")
    value = _r_squared(design, outputs)
    drawn = [_r_squared(design[rows], outputs[rows]) for rows in rng.integers(0, n, size=(200, n))]
    low, high = percentile(np.array(drawn))
    return Estimate(
        value,
        low,
        high,
        "R² of a linear surrogate; percentile bootstrap, 200 draws",
        n,
        NO_DRAWS if low is None else "",
    )


def deletion(
    predict: Predict, explanation: Explanation, replacement: Matrix, seed: int, count: int = TOP
) -> tuple[Estimate, Estimate]:
    """Mean absolute change of the output when features are set to `replacement` (features,).

    First for the `count` features with the largest attributions of each row, then for as many drawn
    by chance: an explanation that names what matters moves the output more. Deletion metric of
    Petsiuk, Das and Saenko (2018, BMVC). Intervals: percentile bootstrap over rows.
    """
    data, k = explanation.data, explanation.data.shape[1]
    outputs = predict(data)
    leading = np.argsort(-np.abs(explanation.values), axis=1, kind="stable")[:, : min(count, k)]
    rng = generator(seed, "deletion")
    by_chance = np.argsort(rng.random(data.shape), axis=1)[:, : leading.shape[1]]
    found = []
    for name, columns in (("leading", leading), ("by chance", by_chance)):
        changed = data.copy()
        np.put_along_axis(changed, columns, np.take(replacement, columns), axis=1)
        moved = np.abs(predict(changed) - outputs)
        low, high = percentile(resampled_means(moved, rng))
        method = f"mean |change|, {leading.shape[1]} features {name} replaced; percentile bootstrap"
        found.append(Estimate(float(moved.mean()), low, high, method, moved.size, NO_DRAWS if low is None else ""))
    return found[0], found[1]


def improves(
    predict: Predict, data: Matrix, features: Sequence[str], given: Sequence[Sequence[Given]], better: Matrix,
    *, adverse: int,
) -> Estimate:  # fmt: skip
    """Share of given reasons whose factor, set to `better` (features,), improves the person's output.

    A reason that somebody could not act on in the stated direction is misleading. Wilson interval
    over the reasons. Raises ValueError if no reason was given.
    """
    place = {name: i for i, name in enumerate(features)}
    rows = [(row, reason) for row, reasons in enumerate(given) for reason in reasons]
    if not rows:
        raise ValueError("No reasons were given; there is nothing to test.")
    changed = data[[row for row, _ in rows]].copy()
    for i, (_, reason) in enumerate(rows):
        columns = [place[name] for name, _ in reason.features]
        changed[i, columns] = better[columns]
    before = predict(data)[[row for row, _ in rows]]
    better_off = int((adverse * (predict(changed) - before) < 0).sum())
    method = "share of reasons whose factor improves the output; Wilson interval"
    return Estimate(better_off / len(rows), *wilson(better_off, len(rows)), method, len(rows))


def _comparable(first: Explanation, second: Explanation) -> None:
    if first.feature_names != second.feature_names or first.values.shape != second.values.shape:
        raise ValueError("Only explanations of the same rows by the same features can be compared.")
    if not first.n_rows:
        raise ValueError("No rows were explained.")


def _r_squared(design: Matrix, outputs: Matrix) -> float:
    fitted = design @ np.linalg.lstsq(design, outputs, rcond=None)[0]
    total = float(((outputs - outputs.mean()) ** 2).sum())
    return 1 - float(((outputs - fitted) ** 2).sum()) / total if total else float("nan")
