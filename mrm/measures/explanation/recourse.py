"""What somebody could do: the smallest change of actionable features that turns the decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mrm.measures.explanation.attributions import Matrix, Predict


@dataclass(frozen=True, slots=True)
class Action:
    """A feature that a person can change, by position, and the values it may take, in rising order.

    `direction` is 1 if it can only rise, -1 if it can only fall, 0 if both.
    """

    column: int
    values: tuple[float, ...]
    direction: int = 0


@dataclass(frozen=True, slots=True)
class Recourse:
    """Changes by feature position to the new value, the output after them, and whether it turns the decision."""

    changes: Mapping[int, float]
    output: float
    turned: bool


def recourse(
    predict: Predict, row: Matrix, actions: tuple[Action, ...], cutoff: float, *, favourable: str, most: int = 3
) -> Recourse:
    """The fewest changed features, at most `most`, that bring `row` (features,) to the favourable side.

    Greedy: each step takes the change of one feature that gains the most; of changes that turn the
    decision, the smallest in steps along the feature's values. Features not named are not touched.
    Counterfactuals of Wachter, Mittelstadt and Russell (2018, Harvard JOLT 31:841) restricted to
    actionable features as in Ustun, Spangher and Liu (2019, FAT*). The model is not causal: a
    change of the feature is not promised to change the outcome of the person. If nothing turns the
    decision, `turned` is false and the changes are the best found.
    """
    now, changes = row.copy(), dict[int, float]()
    for _ in range(most):
        options = [
            (a.column, value, steps) for a in actions if a.column not in changes for value, steps in _open(a, row)
        ]
        if _turned(float(predict(now[None])[0]), cutoff, favourable) or not options:
            break
        tried = np.repeat(now[None], len(options), axis=0)
        tried[np.arange(len(options)), [column for column, _, _ in options]] = [value for _, value, _ in options]
        outputs = predict(tried)
        turning = [i for i, out in enumerate(outputs) if _turned(float(out), cutoff, favourable)]
        sign = 1 if favourable == "at_or_above" else -1
        best = min(turning, key=lambda i: options[i][2]) if turning else int(np.argmax(sign * outputs))
        column, value, _ = options[best]
        now[column] = changes[column] = value
    output = float(predict(now[None])[0])
    return Recourse(changes, output, _turned(output, cutoff, favourable))


def _open(action: Action, row: Matrix) -> list[tuple[float, int]]:
    """Values that may be reached from the row's own, and how many steps away each is."""
    own = float(row[action.column])
    above = [value for value in action.values if value > own] if action.direction >= 0 else []
    below = [value for value in reversed(action.values) if value < own] if action.direction <= 0 else []
    return [(value, i + 1) for side in (above, below) for i, value in enumerate(side)]


def _turned(output: float, cutoff: float, favourable: str) -> bool:
    return output >= cutoff if favourable == "at_or_above" else output < cutoff
