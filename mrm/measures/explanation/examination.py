"""What a model is asked once its rows are explained, in the confined process only.

Whether the explanation repeats, bears noise and another background, whether taking away what it
names moves the output, how the output depends on each feature and pair, and what somebody could do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from mrm.measures.estimates import Estimate
from mrm.measures.explanation.attributions import Explanation, Matrix, Predict
from mrm.measures.explanation.capability import margin, matrix_of
from mrm.measures.explanation.reasons import Given
from mrm.measures.explanation.recourse import Action, recourse
from mrm.measures.explanation.shape import accumulated_effects, breaks, interactions, partial_dependence
from mrm.measures.explanation.shapley import BY_OUTPUTS, explain
from mrm.measures.explanation.validity import deletion, improves, same_leaders
from mrm.measures.intervals import generator
from mrm.measures.results import plain

SHAPES, CROSSED = 10, 6  # features of which the shape is drawn, and of which every pair is crossed
SHAPED, PAIRED = 400, 80  # rows on which that is done: the cost of the second grows with their square
REPEATED, NOISY, SINCE = 5, 30, 60  # rows explained again alike, with noise, and of the reference
NOISE = 0.02  # of each feature's spread
Progress = Callable[[int, int], None]


def examine(
    model: Any,
    frame: pd.DataFrame,
    reference: pd.DataFrame | None,
    found: Explanation,
    plan: Mapping[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    """Every answer as plain JSON, by name.

    `plan` holds `adverse`, `better` (feature to 1 or -1), `redraw` (positions among the explained
    rows), `given` (reasons of rows), `improved` (values of improved features), `cases`, `actions`,
    `cutoff` in the unit of the output and `favourable`.
    """
    predict, _ = margin(model, list(found.feature_names))
    again = _again(model, frame, found, plan)
    sample = matrix_of(frame.iloc[_chosen(len(frame), SHAPED, found.seed)])
    steps: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("repetition", lambda: _repetition(again, found)),
        ("noise", lambda: _noise(again, found, frame)),
        ("redrawn", lambda: _redrawn(again, found, frame, plan)),
        ("since", lambda: _since(again, reference, found.seed)),
        ("deletion", lambda: _deletion(predict, found, sample)),
        ("shape", lambda: _shape(predict, sample, found, plan)),
        ("interactions", lambda: _interactions(predict, sample[:PAIRED], found)),
        ("fidelity", lambda: _fidelity(predict, found, plan)),
        ("recourse", lambda: _recourse(predict, found, plan)),
    )
    out: dict[str, Any] = {}
    for done, (name, step) in enumerate(steps):
        out[name] = plain(step())
        progress(done + 1, len(steps))
    return out


Again = Callable[..., Explanation]


def _again(model: Any, frame: pd.DataFrame, found: Explanation, plan: Mapping[str, Any]) -> Again:
    """Explains other rows as the first were explained, against the same background unless another is given."""
    order = np.random.default_rng(found.seed).permutation(len(frame))
    usual = frame.iloc[np.sort(order[: plan["background_rows"]])]
    exact = found.method not in BY_OUTPUTS

    def explained(rows: pd.DataFrame, background: pd.DataFrame = usual) -> Explanation:
        return explain(model, background, rows, found.seed, exact=exact)

    return explained


def _repetition(again: Again, found: Explanation) -> dict[str, Any]:
    """Largest difference of the same rows explained twice."""
    rows = _framed(found, range(min(REPEATED, found.n_rows)))
    second = again(rows)
    return {"value": float(np.abs(second.values - found.values[: len(rows)]).max()), "n": len(rows)}


def _noise(again: Again, found: Explanation, frame: pd.DataFrame) -> dict[str, Any]:
    """Leading features of rows moved by a little of each feature's spread."""
    part = range(min(NOISY, found.n_rows))
    rows, spread = _framed(found, part), matrix_of(frame).std(axis=0)
    moved = rows + NOISE * spread * generator(found.seed, "noise").normal(size=rows.shape)
    return asdict(same_leaders(_of(found, part), again(moved)))


def _redrawn(again: Again, found: Explanation, frame: pd.DataFrame, plan: Mapping[str, Any]) -> list[list[float]]:
    """Contributions of the named rows against another draw of the background."""
    if not plan["redraw"]:
        return []
    size = min(plan["background_rows"], len(frame))
    drawn = np.sort(np.random.default_rng([found.seed, 2]).integers(0, len(frame), size))
    values: list[list[float]] = again(_framed(found, plan["redraw"]), frame.iloc[drawn]).values.tolist()
    return values


def _since(again: Again, reference: pd.DataFrame | None, seed: int) -> list[float]:
    """Mean absolute contribution of each feature in the reference data; empty without them."""
    if reference is None:
        return []
    found = again(reference.iloc[_chosen(len(reference), SINCE, seed)])
    sizes: list[float] = np.abs(found.values).mean(axis=0).tolist()
    return sizes


def _deletion(predict: Predict, found: Explanation, sample: Matrix) -> list[dict[str, Any]]:
    count = max(1, min(2, len(found.feature_names) // 2))
    return [asdict(each) for each in deletion(predict, found, np.median(sample, axis=0), found.seed, count)]


def _shape(predict: Predict, sample: Matrix, found: Explanation, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Curves of the leading features, and where somebody's moves against what is expected."""
    return [_curves(predict, sample, column, found.feature_names[column], plan) for column in _leading(found, SHAPES)]


def _curves(predict: Predict, sample: Matrix, column: int, name: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    curve = partial_dependence(predict, sample, column)
    centred = curve.individual - curve.individual.mean(axis=1, keepdims=True)
    low, high = np.quantile(centred, [0.1, 0.9], axis=0)
    # more of a feature that is better lowers an output that is worse
    direction = -plan["adverse"] * plan["better"].get(name, 0)
    effects = accumulated_effects(predict, sample, column).effect if curve.grid.size > 1 else np.zeros(curve.grid.size)
    return {
        "feature": name,
        "grid": curve.grid,
        "dependence": curve.effect - curve.effect.mean(),
        "effect": effects,
        "low": low,
        "high": high,
        "n": len(sample),
        "direction": direction,
        "breaks": asdict(breaks(curve, direction)) if direction and curve.grid.size > 1 else None,
    }


def _interactions(predict: Predict, sample: Matrix, found: Explanation) -> dict[str, Any]:
    names, columns = found.feature_names, sorted(_leading(found, CROSSED))
    pairs = interactions(predict, sample, columns) if len(columns) > 1 else []
    return {"n": len(sample), "pairs": [[names[one], names[other], value] for one, other, value in pairs[:5]]}


def _fidelity(predict: Predict, found: Explanation, plan: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether improving the factor that a reason names improves the output."""
    if not any(reasons for _, reasons in plan["given"]):
        return None
    rows = [row for row, _ in plan["given"]]
    given = [
        [Given("", "", 0.0, 0.0, tuple((name, 0.0) for name in names)) for names in each] for _, each in plan["given"]
    ]
    better = np.array(plan["improved"])
    estimate: Estimate = improves(
        predict, found.data[rows], found.feature_names, given, better, adverse=plan["adverse"]
    )
    return asdict(estimate)


def _recourse(predict: Predict, found: Explanation, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For each case, what could be done; features that nobody can act on are not touched."""
    actions = tuple(Action(column, tuple(values), direction) for column, values, direction in plan["actions"])
    out = []
    for row in plan["cases"]:
        told = recourse(predict, found.data[row], actions, plan["cutoff"], favourable=plan["favourable"])
        changes = [[found.feature_names[column], value] for column, value in told.changes.items()]
        out.append({"changes": changes, "output": told.output, "turned": told.turned})
    return out


def _leading(found: Explanation, most: int) -> list[int]:
    size = np.abs(found.values).mean(axis=0)
    return [int(i) for i in np.argsort(-size, kind="stable")[:most]]


def _chosen(n: int, most: int, seed: int) -> Any:
    return np.sort(np.random.default_rng([seed, 3]).permutation(n)[:most])


def _framed(found: Explanation, part: Sequence[int]) -> pd.DataFrame:
    """Explained rows as a table, under the labels that they had."""
    rows = [int(row) for row in part]
    labels = [found.rows[row] for row in rows] if found.rows else rows
    return pd.DataFrame(found.data[rows], columns=list(found.feature_names), index=labels)


def _of(found: Explanation, part: Sequence[int]) -> Explanation:
    rows = list(part)
    return replace(found, values=found.values[rows], data=found.data[rows], n_rows=len(rows))
