"""Small and large changes of inputs: noise by level, one column at a time, scenarios, gaps, extremes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from mrm.measures.checks import Scores
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import generator, wilson
from mrm.measures.results import EvaluationFailed
from mrm.measures.robustness.scorer import Effect, Subject, compare, effect, mean_change, numeric, scored

LEVELS = tuple(k / 10 for k in range(1, 11))
STEP = 0.01


@dataclass(frozen=True, slots=True)
class Shift:
    """A scenario's change of one column: times `factor`, then plus `add`."""

    column: str
    factor: float = 1.0
    add: float = 0.0


@dataclass(frozen=True, slots=True)
class Extreme:
    """One column set to one extreme in every row: the effect, or why the model gave no usable score."""

    column: str
    value: float | None
    effect: Effect | None
    refusal: str


def noise(
    tested: Subject,
    columns: Sequence[str] = (),
    levels: Sequence[float] = LEVELS,
    *,
    quantile: bool = False,
    seed: int = 0,
) -> tuple[Effect, ...]:
    """Noise on numeric columns at each level: normal with `level` standard deviations, or a move by up to `level` in rank.

    A quantile move takes the value of another row whose rank is uniformly up to `level` of all
    ranks away, so values stay ones that occur. Raises ValueError on levels that are not positive.
    """
    names = numeric(tested.data, columns)
    if not levels or min(levels) <= 0:
        raise ValueError("The levels of noise must be positive; give some such as 0.1 to 1.")
    out = []
    for level in levels:
        rng, changed = generator(seed, f"noise {level:g}"), tested.data.copy()
        for name in names:
            values = tested.data[name].to_numpy(dtype=np.float64)
            changed[name] = _moved(values, level, rng) if quantile else _shaken(values, level, rng)
        out.append(effect(tested, changed, f"{'quantile ' if quantile else ''}noise of {level:g}"))
    return tuple(out)


def elasticity(tested: Subject, columns: Sequence[str] = (), step: float = STEP) -> dict[str, Estimate | None]:
    """Relative change of the score over the relative change of one column, its value raised by `step`.

    Mean over rows whose score and value are not zero, normal interval; None if there is none.
    Raises ValueError unless the step is positive.
    """
    if not step > 0:
        raise ValueError(f"The step is {step:g}; give a positive share such as 0.01.")
    out: dict[str, Estimate | None] = {}
    for name in numeric(tested.data, columns):
        values = tested.data[name].to_numpy(dtype=np.float64)
        scores = scored(tested.scorer, tested.data.assign(**{name: values * (1 + step)}))
        held = np.isfinite(values) & (values != 0) & (tested.scores != 0)
        relative = (scores[held] - tested.scores[held]) / tested.scores[held] / step
        out[name] = mean_change(relative) if held.any() else None
    return out


def scenario(tested: Subject, name: str, shifts: Sequence[Shift]) -> Effect:
    """All shifts of a scenario at once, such as income times 0.9 and unemployment plus 3.

    Raises ValueError without a shift and on columns that hold no numbers.
    """
    if not shifts:
        raise ValueError(f"The scenario {name} shifts nothing; give at least one column.")
    numeric(tested.data, [each.column for each in shifts])
    changed = tested.data.copy()
    for each in shifts:
        changed[each.column] = changed[each.column].to_numpy(dtype=np.float64) * each.factor + each.add
    return effect(tested, changed, name)


def ablation(tested: Subject, columns: Sequence[str] = (), *, replacement: str = "median") -> tuple[Effect, ...]:
    """Each numeric column taken away: set to its median, or to missing for models that take missing values.

    Largest share of changed decisions first. Raises ValueError on another replacement.
    """
    if replacement not in ("median", "missing"):
        raise ValueError(f'The replacement {replacement!r} is not known; give "median" or "missing".')
    out = []
    for name in numeric(tested.data, columns):
        value = float("nan") if replacement == "missing" else float(np.nanmedian(tested.data[name]))
        out.append(effect(tested, tested.data.assign(**{name: value}), f"{name} {replacement}"))
    return tuple(sorted(out, key=lambda each: -each.flips.value))


def extremes(tested: Subject, columns: Sequence[str] = (), beyond: float = 10.0) -> tuple[Extreme, ...]:
    """Each numeric column at its smallest, its largest, `beyond` ranges below and above, and missing, in every row.

    A model may refuse what it cannot know; a refusal is recorded, and so is a score that is no
    finite number.
    """
    out: list[Extreme] = []
    for name in numeric(tested.data, columns):
        values = tested.data[name].to_numpy(dtype=np.float64)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        width = high - low
        ends = (low, high, low - beyond * width, high + beyond * width, float("nan"))
        out += [_extreme(tested, name, value) for value in ends]
    return tuple(out)


def monotonicity_violations(
    tested: Subject, directions: Mapping[str, int], steps: int = 10, tolerance: float = 1e-9
) -> dict[str, Estimate]:
    """Share of rows whose score ever moves against a column's direction (1 or -1) over its quantiles, all else held.

    Wilson interval over rows; `detail["largest"]` is the largest wrong move. A constrained column
    has none. Raises ValueError on another direction.
    """
    odd = [name for name, direction in directions.items() if direction not in (-1, 1)]
    if odd or not directions:
        raise ValueError(
            f"The directions of {', '.join(odd) or 'no column'} cannot be read; give 1 or -1 for each column."
        )
    return {
        name: _violations(tested, name, directions[name], steps, tolerance)
        for name in numeric(tested.data, tuple(directions))
    }


def _violations(tested: Subject, name: str, direction: int, steps: int, tolerance: float) -> Estimate:
    grid = np.unique(np.nanquantile(tested.data[name].to_numpy(dtype=np.float64), np.linspace(0, 1, steps + 1)))
    largest, before = np.zeros(len(tested.data)), None
    for value in grid:
        scores = scored(tested.scorer, tested.data.assign(**{name: value}))
        if before is not None:
            largest = np.maximum(largest, -direction * (scores - before))
        before = scores
    return _wrong_moves(largest, tolerance, grid.size)


def _wrong_moves(largest: Scores, tolerance: float, values: int) -> Estimate:
    n, wrong = largest.size, int((largest > tolerance).sum())
    method = f"share of rows with a wrong move over {values} quantiles; Wilson interval"
    return Estimate(wrong / n, *wilson(wrong, n), method, n, detail={"largest": float(largest.max())})


def _shaken(values: Scores, level: float, rng: np.random.Generator) -> Scores:
    return np.asarray(values + level * np.nanstd(values) * rng.normal(size=values.size))


def _moved(values: Scores, level: float, rng: np.random.Generator) -> Scores:
    """Each value replaced by that of a row up to `level` of all ranks away; missing ones stay."""
    out, held = values.copy(), np.flatnonzero(~np.isnan(values))
    order = held[np.argsort(values[held], kind="stable")]
    away = rng.uniform(-level, level, order.size) * order.size
    place = np.clip(np.arange(order.size) + np.round(away).astype(int), 0, order.size - 1)
    out[order] = values[order][place]
    return out


def _extreme(tested: Subject, name: str, value: float) -> Extreme:
    shown = None if np.isnan(value) else value
    changed: pd.DataFrame = tested.data.assign(**{name: value})
    try:
        scores = scored(tested.scorer, changed)
    except (ValueError, ArithmeticError, EvaluationFailed) as error:
        return Extreme(name, shown, None, str(error))
    return Extreme(name, shown, compare(tested, scores, f"{name} {'missing' if shown is None else f'{value:g}'}"), "")
