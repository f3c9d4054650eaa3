"""Reason codes: from attributions to the specific, principal reasons that a notice must give.

12 CFR 1002.9(b)(2): the reasons must be specific and principal; that internal standards were not
met, or a qualifying score not reached, is none. Comment 9(b)(2)-1: more than four is not likely to
be helpful. 15 U.S.C. 1681g(f)(9): inquiries, if a key factor, are named beside the four.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mrm.measures.explanation.attributions import Matrix

BASELINES = {
    "approved_mean": "mean contribution among those decided favourably",
    "best_attainable": "best contribution that anybody reached",
}
ROUNDING = 1e-9
GENERIC = re.compile(
    r"\b(insufficient|qualifying|minimum|low|credit) scor\w*|\binternal (standard|polic|criteri)\w*"
    r"|\b(scoring|decision) (system|model)\b|\bdid not (qualify|meet)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """One consumer-facing factor: its code, the words of the notice, and the features behind it."""

    code: str
    text: str
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Which features speak by which words: approved, versioned data.

    `excluded` names features that never give a reason, with why (a prohibited basis, or not a
    factor of the consumer's). `baseline` is one of `BASELINES`. Reasons under `materiality` of all
    that counted against somebody are left out; at most `most` are given, and `inquiries`, the code
    of the inquiries, beside them. Raises ValueError on a dictionary that cannot be used.
    """

    id: str
    version: str
    reasons: tuple[Reason, ...]
    excluded: Mapping[str, str] = field(default_factory=dict)
    baseline: str = "approved_mean"
    most: int = 4
    materiality: float = 0.02
    inquiries: str = ""

    def __post_init__(self) -> None:
        if fault := _fault(self):
            raise ValueError(fault)

    def lacks(self, features: Sequence[str]) -> list[str]:
        """Features of a model that have neither a reason nor an exclusion; none may be left."""
        known = {name for reason in self.reasons for name in reason.features} | set(self.excluded)
        return [name for name in features if name not in known]


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
    "approved_mean" the population is of people decided favourably. Raises ValueError without rows.
    """
    if not len(values):
        raise ValueError("A baseline needs at least one row of the population it describes.")
    if kind == "approved_mean":
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
    if missing := dictionary.lacks(features):
        raise ValueError(
            f"The dictionary {dictionary.id} {dictionary.version} has no reason for {', '.join(missing)};"
            " give it one, or exclude it and say why."
        )
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
        "dictionary": f"{dictionary.id} {dictionary.version}",
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


def _fault(dictionary: Dictionary) -> str:
    """Why the dictionary cannot be used, or nothing."""
    if dictionary.baseline not in BASELINES:
        return f"The baseline is one of {', '.join(BASELINES)}, not {dictionary.baseline}."
    if dictionary.most < 1 or not 0 <= dictionary.materiality < 1:
        return "At least one reason is given, and the materiality is a share below 1."
    codes, features = Counter[str](), Counter[str]()
    for reason in dictionary.reasons:
        codes[reason.code] += 1
        features.update(reason.features)
        if not reason.text.strip() or not reason.features:
            return f"The reason {reason.code} needs words and at least one feature."
        if found := GENERIC.search(reason.text):
            return (
                f"The words of {reason.code} say {found[0]!r}, which is no specific reason (12 CFR 1002.9(b)(2));"
                " name the factor that counted."
            )
    if twice := [name for counted in (codes, features) for name, n in counted.items() if n > 1]:
        return f"{', '.join(sorted(twice))} stands in the dictionary twice; each code and each feature stands once."
    if dictionary.inquiries and dictionary.inquiries not in codes:
        return f"No reason has the code {dictionary.inquiries}, which is named for the inquiries."
    if unsaid := [name for name, why in dictionary.excluded.items() if not why.strip()]:
        return f"{', '.join(unsaid)} is excluded without a word why."
    return ""
