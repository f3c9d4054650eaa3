"""A comparison as a risk officer reads it in a minute: what it says, then who ranks, who is swapped, who pays."""

from dataclasses import dataclass
from typing import Any

from mrm.evaluation.models import Comparison
from mrm.evaluation.queries.numbers import interval, shown

Row = dict[str, Any]
LEVEL = 0.05
STANDING = (
    ("auc", "Area under the ROC curve"),
    ("brier", "Brier score"),
    ("ece", "Calibration error"),
    ("favourable_rate", "Decided favourably"),
    ("psi", "Stability index of the score"),
    ("cpu_per_thousand", "Processor seconds per 1,000 predictions"),
    ("memory", "Memory, MB"),
    ("explaining_cpu_per_thousand", "Processor seconds per 1,000 explanations"),
)
DIFFERENCES = (
    ("auc_difference", "Area under the ROC curve"),
    ("brier_difference", "Brier score; below zero is better"),
    ("flip_rate", "Decided differently"),
)


@dataclass(frozen=True)
class Challenger:
    """One challenger against the champion: the message, the differences, the swap set, the groups."""

    name: str
    says: list[str]
    differences: list[Row]
    swaps: list[Row]
    groups: list[Row]


@dataclass(frozen=True)
class Compared:
    """How every contender stands, measure by measure, and each challenger against the champion."""

    names: list[str]
    standing: list[tuple[str, list[Row]]]
    challengers: list[Challenger]


def compared(found: Comparison) -> Compared:
    names = [str(each["name"]) for each in found.contenders]
    places: dict[tuple[str, str, str], Row] = {
        (each["measure"], each["attribute"], each["group"]): each for each in found.results
    }
    standing = [
        (title, [_cell(measure, places.get((measure, name, ""))) for name in names])
        for measure, title in STANDING
        if any((measure, name, "") in places for name in names)
    ]
    return Compared(names, standing, [_challenger(found, name, places) for name in names[1:]])


def _challenger(found: Comparison, name: str, places: dict[tuple[str, str, str], Row]) -> Challenger:
    own = [each for each in found.results if each["attribute"] == name and each["reference"]]
    differences = [
        {"title": title, "p": _p(each), **_cell(measure, each)}
        for measure, title in DIFFERENCES
        if (each := places.get((measure, name, "")))
    ]
    swaps = [
        {"decided": each["group"], "people": each["detail"].get("people", each["n"]), **_cell("swap", each), "known": each["detail"].get("known", 0)}
        for each in own if each["measure"] == "swap"
    ]  # fmt: skip
    groups = [
        {
            "group": each["group"],
            "before": _cell("air", places.get(("air", str(found.contenders[0]["name"]), each["group"]))),
            "after": _cell("air", places.get(("air", name, each["group"]))),
            **_cell("air", each),
        }
        for each in own if each["measure"] == "ratio_difference"
    ]  # fmt: skip
    return Challenger(name, _says(name, places, own), differences, swaps, groups)


def _says(name: str, places: dict[tuple[str, str, str], Row], own: list[Row]) -> list[str]:
    """What the numbers say in sentences; a difference that chance explains is said to be none."""
    out = [_ranking(name, places.get(("auc_difference", name, "")))]
    if flips := places.get(("flip_rate", name, "")):
        out.append(f"It decides {shown('selection_rate', flips['value'])} of people differently.")
    changed = [each for each in own if each["measure"] == "ratio_difference" and _beyond_chance(each)]
    worse = sorted((each for each in changed if each["value"] < 0), key=lambda each: each["value"])
    better = [each for each in changed if each["value"] > 0]
    if worse:
        out.append(f"The impact ratio falls for {', '.join(each['group'] for each in worse)}.")
    if better:
        out.append(f"The impact ratio rises for {', '.join(each['group'] for each in better)}.")
    if not changed and any(each["measure"] == "ratio_difference" for each in own):
        out.append("No impact ratio changes beyond chance.")
    return out


def _ranking(name: str, difference: Row | None) -> str:
    if difference is None or difference["value"] is None:
        return f"How {name} ranks could not be compared."
    value = shown("auc", abs(difference["value"]))
    if not _beyond_chance(difference):
        return f"{name} ranks as well as the champion: a difference of {value} is within chance."
    return f"{name} ranks {'better' if difference['value'] > 0 else 'worse'} than the champion, by {value} of the area under the curve."


def _beyond_chance(each: Row) -> bool:
    return each["lower"] is not None and each["upper"] is not None and (each["lower"] > 0 or each["upper"] < 0)


def _p(each: Row) -> str:
    p = each["detail"].get("p_adjusted", each["detail"].get("mcnemar_p"))
    return "" if p is None else "p < 0.001" if p < 0.001 else f"p {p:.3f}"


def _cell(measure: str, each: Row | None) -> Row:
    if each is None:
        return {"value": "–", "interval": "", "n": None, "reason": "", "method": ""}
    unit = {"favourable_rate": "selection_rate", "flip_rate": "selection_rate", "swap": "selection_rate"}.get(
        measure, measure
    )
    return {
        "value": shown(unit, each["value"]), "interval": interval(unit, each), "n": each["n"], "reason": each["reason"],
        "method": each["method"],
    }  # fmt: skip
