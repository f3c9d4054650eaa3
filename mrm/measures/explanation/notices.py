"""Who was declined among the explained rows, by which reasons, and what is asked of the model about them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mrm.measures.estimates import Estimate
from mrm.measures.explanation.attributions import Explanation, Matrix
from mrm.measures.explanation.dictionary import POINTS, Dictionary
from mrm.measures.explanation.reasons import Given, baseline_of, reasons_for
from mrm.measures.explanation.segments import prescribed_cases
from mrm.measures.explanation.shape import grid_of
from mrm.measures.explanation.validity import same_reasons

LINEAR = "exact linear contributions"
REDRAWN = 40  # declined, and as many approved, whose reasons are found again against another background
STEPS = 10  # values of an actionable feature that are tried


@dataclass(frozen=True, slots=True)
class Decided:
    """The explained rows with their decisions: `favoured` (rows,), `cutoff` in the unit of the output, the group of
    every row by attribute, and a digest in place of each row's number."""

    favoured: NDArray[np.bool_]
    favourable: str
    cutoff: float
    groups: Mapping[str, Sequence[str | None]]
    digests: tuple[str, ...]

    @property
    def adverse(self) -> int:
        """1 if a higher output is worse for the person, -1 if a lower one is."""
        return 1 if self.favourable == "below" else -1

    @property
    def approved(self) -> list[int]:
        return [int(i) for i in np.flatnonzero(self.favoured)]

    @property
    def declined(self) -> list[int]:
        return [int(i) for i in np.flatnonzero(~self.favoured)]


@dataclass(frozen=True, slots=True)
class Notices:
    """The reasons of every declined row, in the order of `Decided.declined`, under one dictionary."""

    dictionary: Dictionary
    given: tuple[tuple[Given, ...], ...]

    def codes(self) -> list[tuple[str, str]]:
        """Every code of the dictionary with its words."""
        return [(reason.code, reason.text) for reason in self.dictionary.reasons]


def in_unit_of(output: str, cutoff: float) -> float:
    """The cut-off of a probability in the unit of the contributions; at the very ends there is none but infinity."""
    if output != "log-odds" or not 0 <= cutoff <= 1:
        return cutoff
    return math.log(cutoff / (1 - cutoff)) if 0 < cutoff < 1 else math.copysign(math.inf, cutoff - 0.5)


def row_digest(dataset_sha256: str, position: int) -> str:
    """What stands for a row where people are shown: who has the data finds it, nobody else does."""
    return hashlib.sha256(f"{dataset_sha256}:{position}".encode()).hexdigest()[:12]


def why_no_reasons(found: Explanation, decided: Decided, dictionary: Dictionary) -> str:
    """Why reasons are not given out, or nothing."""
    if fault := dictionary.why_not(found.feature_names):
        return fault
    if dictionary.baseline in POINTS and found.method != LINEAR:
        return (
            f"The dictionary {dictionary} counts points, which only a scorecard has; this model's are {found.method}."
        )
    if not decided.declined:
        return "Nobody was declined among the explained rows; explain more rows, or look at the cut-off."
    if not decided.approved:
        return "Nobody was approved among the explained rows, so there is nobody to be compared with."
    return ""


def notices(found: Explanation, decided: Decided, dictionary: Dictionary) -> Notices:
    """Reasons of every declined row. Raises ValueError with `why_no_reasons`, if there is why."""
    if fault := why_no_reasons(found, decided, dictionary):
        raise ValueError(fault)
    given = _reasons(found.values, decided.declined, decided.approved, found, decided, dictionary)
    return Notices(dictionary, tuple(given))


def stability(found: Explanation, redrawn: Matrix, decided: Decided, told: Notices) -> Estimate:
    """Share of declined rows with the same reasons when the background is drawn anew, other things equal."""
    places = redraw(decided)
    declined = min(REDRAWN, len(decided.declined))
    parts = list(range(declined)), list(range(declined, len(places)))
    first, second = (
        _reasons(values, *parts, found, decided, told.dictionary) for values in (found.values[places], redrawn)
    )
    return same_reasons(first, second)


def redraw(decided: Decided) -> list[int]:
    """The rows that are explained again against another background: declined first."""
    return decided.declined[:REDRAWN] + decided.approved[:REDRAWN]


def cases(found: Explanation, decided: Decided) -> dict[str, int]:
    """The prescribed cases by what each is; the pair is of the first protected attribute."""
    groups = next(iter(decided.groups.values()), ())
    return prescribed_cases(found, decided.cutoff, favourable=decided.favourable, groups=groups)


def plan(found: Explanation, decided: Decided, dictionary: Dictionary | None, told: Notices | None) -> dict[str, Any]:
    """What the confined process is asked, as plain JSON."""
    better = dictionary.better() if dictionary else {}
    given = [] if told is None else [
        [row, [[name for name, _ in each.features] for each in reasons]]
        for row, reasons in zip(decided.declined, told.given, strict=True)
    ]  # fmt: skip
    return {
        "adverse": decided.adverse,
        "better": better,
        "redraw": redraw(decided) if told else [],
        "given": given,
        "improved": _improved(found, decided, better),
        "cases": list(cases(found, decided).values()),
        "actions": _actions(found, dictionary, better),
        "cutoff": decided.cutoff,
        "favourable": decided.favourable,
    }


def _reasons(
    values: Matrix, declined: list[int], approved: list[int], found: Explanation, decided: Decided, dictionary: Dictionary
) -> list[tuple[Given, ...]]:  # fmt: skip
    population = values[approved] if dictionary.baseline == "approved_mean" else values
    baseline = baseline_of(population, dictionary.baseline, adverse=decided.adverse)
    return reasons_for(values[declined], found.feature_names, baseline, dictionary, adverse=decided.adverse)


def _improved(found: Explanation, decided: Decided, better: Mapping[str, int]) -> list[float]:
    """For each feature a value better than most of the approved have, the median where nothing is expected."""
    rows = found.data[decided.favoured] if decided.favoured.any() else found.data
    levels = {1: 0.9, -1: 0.1}
    return [
        float(np.quantile(rows[:, i], levels.get(better.get(name, 0), 0.5), method="inverted_cdf"))
        for i, name in enumerate(found.feature_names)
    ]


def _actions(found: Explanation, dictionary: Dictionary | None, better: Mapping[str, int]) -> list[list[Any]]:
    able = set(dictionary.actionable()) if dictionary else set()
    return [
        [i, grid_of(found.data[:, i], STEPS).tolist(), better.get(name, 0)]
        for i, name in enumerate(found.feature_names)
        if name in able
    ]
