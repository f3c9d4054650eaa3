"""The dictionary of reason codes: approved, versioned data that says which features speak by which words.

12 CFR 1002.9(b)(2): the reasons must be specific and principal; that internal standards were not
met, or a qualifying score not reached, is none. Comment 9(b)(2)-1: more than four is not likely to
be helpful. 15 U.S.C. 1681g(f)(9): inquiries, if a key factor, are named beside the four. Knows
nothing of arrays, so whoever loads a dictionary can check it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BASELINES = {
    "approved_mean": "mean contribution among those decided favourably",
    "best_attainable": "best contribution that anybody reached",
    "points_below_average": "mean points of everybody, comment 9(b)(2)-5; scorecards only",
    "points_below_maximum": "most points that anybody reached; scorecards only",
}
POINTS = frozenset({"points_below_average", "points_below_maximum"})
SIDES = {"higher": 1, "lower": -1}
GENERIC = re.compile(
    r"\b(insufficient|qualifying|minimum|low|credit) scor\w*|\binternal (standard|polic|criteri)\w*"
    r"|\b(scoring|decision) (system|model)\b|\bdid not (qualify|meet)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """One consumer-facing factor: its code, the words of the notice, and the features behind it.

    `better` says of a feature whether a "higher" or a "lower" value is expected to be better for the
    person; `actionable` whether somebody can do something about it.
    """

    code: str
    text: str
    features: tuple[str, ...]
    better: Mapping[str, str] = field(default_factory=dict)
    actionable: bool = False


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

    def __str__(self) -> str:
        return f"{self.id} {self.version}"

    def lacks(self, features: Sequence[str]) -> list[str]:
        """Features of a model that have neither a reason nor an exclusion; none may be left."""
        known = {name for reason in self.reasons for name in reason.features} | set(self.excluded)
        return [name for name in features if name not in known]

    def why_not(self, features: Sequence[str]) -> str:
        """The sentence that names the features without words, or nothing."""
        missing = self.lacks(features)
        if not missing:
            return ""
        named = ", ".join(missing)
        return f"The dictionary {self} has no reason for {named}; give it one, or exclude it and say why."

    def better(self) -> dict[str, int]:
        """1 for features of which more is expected to be better for the person, -1 where less is."""
        return {name: SIDES[side] for reason in self.reasons for name, side in reason.better.items()}

    def actionable(self) -> list[str]:
        """Features that a person can do something about."""
        return [name for reason in self.reasons if reason.actionable for name in reason.features]

    def text_of(self, code: str) -> str:
        return next(reason.text for reason in self.reasons if reason.code == code)


def dictionary_of(content: Mapping[str, Any]) -> Dictionary:
    """The dictionary that a pack describes. Raises ValueError, with a sentence, on one that cannot be used."""
    method = content["method"]
    return Dictionary(
        id=content["id"],
        version=str(content["version"]),
        reasons=tuple(_reason(factor) for factor in content["factors"]),
        excluded={each["feature"]: f"{each['basis']}: {each['why']}" for each in content.get("excluded", [])},
        baseline=method["baseline"],
        most=method["most"],
        materiality=method["materiality"],
        inquiries=method.get("inquiries", ""),
    )


def _reason(factor: Mapping[str, Any]) -> Reason:
    names = [each["name"] for each in factor["features"]]
    better = {each["name"]: each["better"] for each in factor["features"] if each["better"] in SIDES}
    return Reason(factor["code"], factor["text"], tuple(names), better, factor["actionable"])


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
    features.update(list(dictionary.excluded))
    if twice := [name for counted in (codes, features) for name, n in counted.items() if n > 1]:
        return f"{', '.join(sorted(twice))} stands in the dictionary twice; each code and each feature stands once."
    if dictionary.inquiries and dictionary.inquiries not in codes:
        return f"No reason has the code {dictionary.inquiries}, which is named for the inquiries."
    if unsaid := [name for name, why in dictionary.excluded.items() if not why.strip()]:
        return f"{', '.join(unsaid)} is excluded without a word why."
    return ""
