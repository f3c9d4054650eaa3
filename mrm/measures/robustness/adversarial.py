"""How little it takes to turn a decision, for someone who sees the scores and may change some columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mrm.measures.checks import Scores
from mrm.measures.estimates import Estimate
from mrm.measures.intervals import wilson
from mrm.measures.robustness.scorer import Subject, numeric, scored

BUDGETS = (0.1, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Attack:
    """Rows whose decision turns within a budget: by one column alone, and by all columns at once.

    The budget is the largest change of a column in its standard deviations. `single` maps each
    column to the share it turns alone; `joint` moves every column in the direction that helped.
    """

    budget: float
    single: dict[str, Estimate]
    joint: Estimate


def attack(
    tested: Subject, columns: Sequence[str], budgets: Sequence[float] = BUDGETS, *, event: bool = True
) -> tuple[Attack, ...]:
    """Try to turn decisions of "event" (or of "no event") by moving `columns`, those an applicant can change.

    A greedy search of two scores per column and one for all: what it finds exists, what it does not
    find may exist. Shares are of the rows decided so, with Wilson intervals. Raises ValueError on
    budgets that are not positive, and if no row is decided so.
    """
    names = numeric(tested.data, columns)
    if not budgets or min(budgets) <= 0:
        raise ValueError("The budgets must be positive; give some such as 0.1 standard deviations.")
    rows = np.flatnonzero(tested.decisions == event)
    if rows.size == 0:
        raise ValueError("No row has the decision to be turned; move the cut-off or attack the other decision.")
    return tuple(_attack(tested, names, rows, budget, event) for budget in budgets)


def _attack(tested: Subject, names: tuple[str, ...], rows: np.ndarray, budget: float, event: bool) -> Attack:
    data, start = tested.data, tested.scores
    sign = -1.0 if event else 1.0
    joint, single = data.copy(), {}
    for name in names:
        values = data[name].to_numpy(dtype=np.float64)
        step = budget * float(np.nanstd(values))
        gains = [sign * (scored(tested.scorer, data.assign(**{name: values + way * step})) - start) for way in (-1, 1)]
        best = np.where(gains[1] >= gains[0], 1.0, -1.0)
        gain = np.maximum(gains[0], gains[1])
        joint[name] = values + np.where(gain > 0, best * step, 0.0)
        single[name] = _turned((start + sign * np.maximum(gain, 0.0))[rows], tested.cutoff, event, "one column")
    both = scored(tested.scorer, joint)[rows]
    return Attack(budget, single, _turned(both, tested.cutoff, event, "all columns"))


def _turned(scores: Scores, cutoff: float, event: bool, said: str) -> Estimate:
    n, turned = scores.size, int(((scores >= cutoff) != event).sum())
    return Estimate(turned / n, *wilson(turned, n), f"share turned by {said}, greedy search; Wilson interval", n)
