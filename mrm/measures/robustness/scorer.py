"""The model under test and what a change of its inputs does to scores and decisions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mrm.measures.checks import Labels, Scores, binary, finite, same_length
from mrm.measures.estimates import Estimate, HypothesisTest
from mrm.measures.intervals import normal_quantile, wilson
from mrm.measures.soundness.generalisation import paired_auc

Scorer: TypeAlias = Callable[[pd.DataFrame], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, the rows it is tested on, their outcomes and its scores on them; an event is decided at or above `cutoff`."""

    scorer: Scorer
    data: pd.DataFrame
    labels: Labels
    cutoff: float
    scores: Scores

    @property
    def decisions(self) -> NDArray[np.bool_]:
        return self.scores >= self.cutoff


@dataclass(frozen=True, slots=True)
class Effect:
    """What one change does: AUC now less before (with its test), rows decided otherwise, and the mean change of score.

    `auc` is None if every row has one outcome.
    """

    change: str
    auc: Estimate | None
    test: HypothesisTest | None
    flips: Estimate
    score: Estimate


def subject(scorer: Scorer, data: pd.DataFrame, labels: ArrayLike, cutoff: float) -> Subject:
    """A model with its rows, scored once. Raises ValueError on labels, scores or lengths that do not fit."""
    y = binary(labels)
    scores = scored(scorer, data)
    same_length(data=data.to_numpy(), label=y, score=scores)
    return Subject(scorer, data, y, cutoff, scores)


def scored(scorer: Scorer, data: pd.DataFrame) -> Scores:
    """The model's scores of a frame, (n,). Raises ValueError unless there is one finite score for each row."""
    scores = finite(scorer(data), "score")
    if scores.size != len(data):
        raise ValueError(f"The model gave {scores.size:,} scores for {len(data):,} rows; it must give one for each.")
    return scores


def numeric(data: pd.DataFrame, columns: Sequence[str] = ()) -> tuple[str, ...]:
    """The named columns, or all that hold numbers. Raises ValueError on absent columns, text, and if there is none."""
    missing = [name for name in columns if name not in data.columns]
    if missing:
        raise ValueError(f"The data have no column {', '.join(missing)}; name columns of the model.")
    found = tuple(columns) or tuple(str(name) for name in data.columns if data[name].dtype.kind in "fiu")
    text = [name for name in found if data[name].dtype.kind not in "fiu"]
    if text or not found:
        raise ValueError(f"Column {text[0] if text else ''} holds no numbers; name numeric columns.".replace("  ", " "))
    return found


def effect(tested: Subject, changed: pd.DataFrame, change: str) -> Effect:
    """Score `changed`, the same rows otherwise, and compare."""
    return compare(tested, scored(tested.scorer, changed), change)


def compare(tested: Subject, scores: Scores, change: str) -> Effect:
    """Scores after a change against those before, row by row."""
    n, flipped = scores.size, int(((scores >= tested.cutoff) != tested.decisions).sum())
    events = int(tested.labels.sum())
    area, test = paired_auc(tested.labels, scores, tested.scores) if 2 <= events <= n - 2 else (None, None)
    flips = Estimate(flipped / n, *wilson(flipped, n), "share decided otherwise; Wilson interval", n)
    return Effect(change, area, test, flips, mean_change(scores - tested.scores))


def mean_change(differences: Scores) -> Estimate:
    """Mean of paired differences with a normal interval."""
    n, value = differences.size, float(differences.mean())
    if n < 2:
        return Estimate(value, None, None, "mean paired difference", n, "One row has no spread.")
    half = normal_quantile() * float(differences.std(ddof=1)) / n**0.5
    return Estimate(value, value - half, value + half, "mean paired difference; normal interval", n)
