"""Reason codes: from attributions to the specific, principal reasons that a notice must give."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrm.measures.explanation.attributions import Matrix
from mrm.measures.explanation.dictionary import Dictionary, Reason

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Given:
    """A reason given to one person: how much of what counted against them it is, and by which features."""

    code: str
    text: str
    amount: float
    share: float
    features: tuple[tuple[str, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "code": self.code,
            "text": self.text,
            "amount": self.amount,
            "share": self.share,
            "features": [list(each) for each in self.features],
        }


def baseline_of(values: Matrix, kind: str, *, adverse: int) -> Matrix:
    """What contributions are compared with, shape (features,), from those of a population (rows, features).

    `adverse` is 1 if a higher output is worse for the person, -1 if a lower one is. For
    "approved_mean" the population is of people decided favourably, for all others of everybody. Raises
    ValueError without rows.
    """
    if not len(values):
        raise ValueError("A baseline needs at least one row of the population it describes.")
    if kind in ("approved_mean", "points_below_average"):
        return np.asarray(values.mean(axis=0))
    return np.asarray((adverse * values).min(axis=0) * adverse)


def reasons_for(
    values: Matrix, features: Sequence[str], baseline: Matrix, dictionary: Dictionary, *, adverse: int
) -> list[tuple[Given, ...]]:
    """The principal reasons of each row, largest first, ties in the dictionary's order.

    `values` (rows, features) are checked contributions, `baseline` (features,) what they are
    compared with. A reason's amount is the sum over its features of what lies on the adverse side
    of the baseline, in the unit of the contributions. Raises ValueError if a feature has no words.
    """
    if fault := dictionary.why_not(features):
        raise ValueError(fault)
    against = adverse * (values - baseline)
    # what rounding leaves of a zero is no reason, even where nothing else counted against somebody
    against[np.abs(against) < ROUNDING * max(1.0, float(np.abs(values).max(initial=0.0)))] = 0.0
    amounts = against @ _membership(features, dictionary)
    order = np.argsort(-amounts, axis=1, kind="stable")
    place = {name: i for i, name in enumerate(features)}
    return [_principal(amounts[row], order[row], against[row], place, dictionary) for row in range(len(values))]


def record(row: Matrix, given: Sequence[Given], dictionary: Dictionary) -> dict[str, Any]:
    """What is kept of a person's reasons: digest of the feature values, the reasons, the dictionary."""
    return {
        "row_sha256": hashlib.sha256(np.ascontiguousarray(row, dtype=np.float64).tobytes()).hexdigest(),
        "dictionary": str(dictionary),
        "reasons": [each.as_dict() for each in given],
    }


def codes_by_group(
    given: Sequence[Sequence[Given]], groups: Sequence[str | None], *, suppress_n: int = 11
) -> dict[str, dict[str, int]]:
    """How often each code is given in each group; groups of fewer than `suppress_n` people are left out."""
    people = Counter(group for group in groups if group is not None)
    shown = sorted(group for group, n in people.items() if n >= suppress_n)
    counted: dict[str, Counter[str]] = {group: Counter() for group in shown}
    for reasons, group in zip(given, groups, strict=True):
        if group in counted:
            counted[group].update(each.code for each in reasons)
    return {group: dict(sorted(found.items())) for group, found in counted.items()}


def _membership(features: Sequence[str], dictionary: Dictionary) -> Matrix:
    """Features by reasons: 1 where the feature speaks by the reason."""
    out = np.zeros((len(features), len(dictionary.reasons)))
    for column, reason in enumerate(dictionary.reasons):
        for row, name in enumerate(features):
            out[row, column] = float(name in reason.features and name not in dictionary.excluded)
    return out


def _principal(
    amounts: Matrix, order: Sequence[int], against: Matrix, place: Mapping[str, int], dictionary: Dictionary
) -> tuple[Given, ...]:
    total = float(amounts[amounts > 0].sum())
    adverse = [int(i) for i in order if amounts[i] > 0 and amounts[i] >= dictionary.materiality * total]
    chosen = adverse[: dictionary.most]
    chosen += [i for i in adverse[dictionary.most :] if dictionary.reasons[i].code == dictionary.inquiries]
    return tuple(_given(dictionary.reasons[i], float(amounts[i]), total, against, place) for i in chosen)


def _given(reason: Reason, amount: float, total: float, against: Matrix, place: Mapping[str, int]) -> Given:
    parts = tuple((name, float(against[place[name]])) for name in reason.features if name in place)
    return Given(reason.code, reason.text, amount, amount / total, parts)
