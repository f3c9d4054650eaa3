"""Candidates of a search for a less discriminatory alternative: what is changed, and how it is fitted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.reductions import DemographicParity, GridSearch
from numpy.typing import NDArray

Values = NDArray[np.float64]
Labels = NDArray[np.int64]
Names = NDArray[np.object_]
Score = Callable[[pd.DataFrame], Values]
Fit = Callable[[pd.DataFrame, Labels, Values | None, Mapping[str, Any]], Score]

KINDS = ("baseline", "refit", "feature drop", "parameters", "re-weighting", "cut-off", "reduction")


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows to fit or to judge on: feature columns, labels 1 or 0, and by attribute the group of every row or None.

    Raises ValueError on lengths that differ and on labels that are not 0 and 1.
    """

    features: pd.DataFrame
    labels: Labels
    groups: Mapping[str, Names]

    def __post_init__(self) -> None:
        for name, column in (("labels", self.labels), *self.groups.items()):
            if len(column) != len(self.features):
                raise ValueError(f"{name} has {len(column)} rows, the features {len(self.features)}.")
        if not set(np.unique(self.labels)) == {0, 1}:
            raise ValueError("Labels are 0 and 1, and both occur.")


@dataclass(frozen=True, slots=True)
class Space:
    """Which changes are tried. `drops` are sets of features left out together, `grid` values by parameter.

    `cutoffs` are tried on the baseline's scores, for everybody alike: a cut-off by group would treat
    people differently because of their group. `reductions` is the number of trade-offs between
    error and demographic parity (Agarwal, Beygelzimer, Dudik, Langford and Wallach 2018).
    """

    drops: tuple[tuple[str, ...], ...] = ()
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    reweigh: tuple[str, ...] = ()
    cutoffs: tuple[float, ...] = ()
    reductions: int = 0
    reduced: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One candidate before it is judged: its kind, what differs from the baseline, and its scores."""

    kind: str
    said: str
    score: Score
    features: tuple[str, ...]
    parameters: Mapping[str, Any]
    cutoff: float | None = None


def changes(
    fit: Fit, train: Sample, space: Space, parameters: Mapping[str, Any], own: Score | None = None
) -> Iterator[Change | str]:
    """The baseline first, then every change of the space, fitted on `train`; a sentence where one cannot be fitted.

    With `own`, the scores of a model that is not fitted here, that model is the baseline, and the
    first candidate is a fit on everything. Raises ValueError if the space names features or attributes that there are not.
    """
    _check(train, space)
    names = tuple(str(name) for name in train.features.columns)
    baseline = own or fit(train.features, train.labels, None, parameters)
    yield Change("baseline", "The model as it is.", baseline, names, {} if own else parameters)
    if own is not None:
        yield _fitted(fit, train, "refit", "Fitted anew on every feature.", names, parameters, None)
    for left_out in space.drops:
        kept = tuple(name for name in names if name not in left_out)
        yield _fitted(fit, train, "feature drop", f"Without {', '.join(left_out)}.", kept, parameters, None)
    for values in product(*space.grid.values()):
        chosen = dict(zip(space.grid, values, strict=True))
        said = ", ".join(f"{name} {value}" for name, value in chosen.items())
        if space.grid:
            yield _fitted(fit, train, "parameters", f"With {said}.", names, {**parameters, **chosen}, None)
    for attribute in space.reweigh:
        weights = reweighing(train.labels, train.groups[attribute])
        yield _fitted(fit, train, "re-weighting", f"Re-weighted so that outcome and {attribute} are independent.", names, parameters, weights)  # fmt: skip
    for cutoff in space.cutoffs:
        yield Change(
            "cut-off", f"The baseline's scores with the cut-off {cutoff:g}.", baseline, names, parameters, cutoff
        )
    if space.reductions:
        yield from _reductions(fit, train, space, parameters)


def reweighing(labels: Labels, groups: Names) -> Values:
    """Weights that make outcome and group independent, P(g) P(y) / P(g, y); 1 where the group is not known.

    Kamiran and Calders (2012, Knowledge and Information Systems 33:1).
    """
    known = np.array([each is not None for each in groups])
    weights = np.ones(len(labels))
    total = int(known.sum())
    for group in {each for each in groups if each is not None}:
        for label in (0, 1):
            rows = known & (groups == group) & (labels == label)
            if rows.any():
                share = (known & (groups == group)).sum() * (known & (labels == label)).sum() / total
                weights[rows] = share / rows.sum()
    return weights


class _Reducible:
    """The fit of the search in the form that fairlearn's reductions take: fit with weights, predict 0 or 1."""

    def __init__(self, fit: Fit, parameters: Mapping[str, Any]) -> None:
        self.learner, self.parameters = fit, parameters

    def fit(self, features: pd.DataFrame, labels: Any, sample_weight: Any = None) -> _Reducible:
        weights = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
        self.score = self.learner(features, np.asarray(labels, dtype=np.int64), weights, self.parameters)
        return self

    def predict(self, features: pd.DataFrame) -> Labels:
        return (self.score(features) >= 0.5).astype(np.int64)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What scikit-learn's clone needs."""
        return {"fit": self.learner, "parameters": self.parameters}


def _reductions(fit: Fit, train: Sample, space: Space, parameters: Mapping[str, Any]) -> Iterator[Change | str]:
    groups = np.array([str(each) for each in train.groups[space.reduced]])
    known = np.array([each is not None for each in train.groups[space.reduced]])
    search = GridSearch(_Reducible(fit, parameters), DemographicParity(), grid_size=space.reductions)
    try:
        with warnings.catch_warnings():
            # fairlearn still sets values in ways that pandas will not take for ever
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="fairlearn")
            search.fit(train.features[known], train.labels[known], sensitive_features=groups[known])
    except ValueError as error:
        yield f"The reductions could not be fitted: {error}"
        return
    names = tuple(str(name) for name in train.features.columns)
    for number, found in enumerate(search.predictors_, start=1):
        said = f"Reduction {number} of {len(search.predictors_)} towards equal rates of {space.reduced}."
        if isinstance(found, _Reducible):
            yield Change("reduction", said, found.score, names, parameters)
        else:
            yield f"{said} It decides the same for everybody."


def _fitted(
    fit: Fit, train: Sample, kind: str, said: str, features: tuple[str, ...], parameters: Mapping[str, Any], weights: Values | None
) -> Change | str:  # fmt: skip
    frame = train.features[list(features)]
    try:
        inner = fit(frame, train.labels, weights, parameters)
    except ValueError as error:
        return f"{said} It could not be fitted: {error}"
    return Change(kind, said, lambda rows: inner(rows[list(features)]), features, parameters)


def _check(train: Sample, space: Space) -> None:
    strange = sorted({name for left_out in space.drops for name in left_out} - set(train.features.columns))
    if strange:
        raise ValueError(
            f"There is no feature {strange[0]} to leave out; the features are {', '.join(train.features)}."
        )
    wanted = [*space.reweigh, *([space.reduced] if space.reductions else [])]
    for name in wanted:
        if name not in train.groups:
            raise ValueError(f"There is no attribute {name!r}; the attributes are {', '.join(train.groups)}.")
