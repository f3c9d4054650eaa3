"""What an examined explanation comes to: judged results on validity, shape, interaction, groups and reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mrm.measures.estimates import Estimate
from mrm.measures.evidence import FairnessSettings
from mrm.measures.explanation.attributions import Explanation, Importance
from mrm.measures.explanation.notices import Decided, Notices
from mrm.measures.explanation.segments import gap
from mrm.measures.explanation.validity import rank_agreement
from mrm.measures.fairness.suppression import withheld_parts
from mrm.measures.intervals import wilson
from mrm.measures.judging import judged, withheld
from mrm.measures.results import Limits, Result

NO_INTERVAL = "A property of the function on these rows; sampling does not move it."
LEADING = 4
VALIDITY = ("explanation_repetition", "explanation_noise", "importance_error", "attribution_drift",
            "deletion_leading", "deletion_chance")  # fmt: skip
SHAPE = ("direction_breaks", "interaction")
REASONS = ("reason_coverage", "reason_fidelity", "reason_stability", "reason_share", "reason_share_group")
MEASURES = (*VALIDITY, *SHAPE, "attribution_gap", *REASONS)
Thresholds = Mapping[str, Limits]


def examined(
    said: Mapping[str, Any], found: Explanation, ranked: Sequence[Importance], thresholds: Thresholds
) -> list[Result]:
    """Whether the explanation repeats and holds, and what the model's shape is."""
    leading, chance = (Estimate(**each) for each in said["deletion"])
    twice = Estimate(
        said["repetition"]["value"], None, None, "largest difference of rows explained twice", said["repetition"]["n"],
        NO_INTERVAL,
    )  # fmt: skip
    named = (
        ("explanation_repetition", twice),
        ("explanation_noise", Estimate(**said["noise"])),
        ("importance_error", _error(found, ranked)),
        ("deletion_leading", leading),
        ("deletion_chance", chance),
    )
    out = [judged(name, estimate, thresholds.get(name)) for name, estimate in named]
    out.append(_drift(said["since"], found, thresholds.get("attribution_drift")))
    return [*out, *_directions(said["shape"], thresholds), *_crossed(said["interactions"], thresholds)]


def reasoned(
    told: Notices, fidelity: Mapping[str, Any] | None, stability: Estimate | None, thresholds: Thresholds
) -> list[Result]:
    """Coverage, fidelity and stability of the reasons, and how often each is given."""
    n, without = len(told.given), sum(not each for each in told.given)
    covered = Estimate(1 - without / n, *wilson(n - without, n), "share of declined with a reason; Wilson interval", n)
    out = [judged("reason_coverage", covered, thresholds.get("reason_coverage"))]
    checks = (("reason_fidelity", Estimate(**fidelity) if fidelity else None), ("reason_stability", stability))
    for name, estimate in checks:
        limits = thresholds.get(name)
        none = withheld(name, "insufficient", "No reason was given that could be tested.", n, limits)
        out.append(judged(name, estimate, limits) if estimate else none)
    counted = Counter(each.code for reasons in told.given for each in reasons)
    return out + [_share("reason_share", counted[code], n, {"code": code, "text": text}) for code, text in told.codes()]


def unreasoned(sentence: str, n: int, thresholds: Thresholds) -> list[Result]:
    """Reasons that were not given out are no evidence, never a pass."""
    return [withheld(name, "insufficient", sentence, n, thresholds.get(name)) for name in REASONS[:3]]


def by_group(told: Notices, decided: Decided, settings: FairnessSettings) -> list[Result]:
    """How often each code is given in each group of the declined; small groups, and what would tell them, are withheld."""
    out = []
    for attribute, groups in decided.groups.items():
        named = [groups[row] for row in decided.declined]
        people = Counter(named)
        hidden = _withheld(people, settings.suppress_n)
        for group in sorted(each for each in people if each is not None):
            where = {"attribute": attribute, "group": group}
            if group in hidden:
                out.append(_hidden("reason_share_group", where, settings))
                continue
            mine = [reasons for reasons, name in zip(told.given, named, strict=True) if name == group]
            counted = Counter(each.code for reasons in mine for each in reasons)
            out += [
                _share("reason_share_group", counted[code], len(mine), where | {"code": code, "text": text})
                for code, text in told.codes()
            ]
    return out


def gaps(found: Explanation, decided: Decided, settings: FairnessSettings, seed: int) -> list[Result]:
    """The gap of mean outputs of every group to its reference, split into features that add up to it."""
    out = []
    for attribute, groups in decided.groups.items():
        people = Counter(groups)
        hidden = _withheld(people, settings.suppress_n)
        shown = sorted(each for each in people if each is not None and each not in hidden)
        if not shown:
            continue
        reference = settings.references.get(attribute) or max(shown, key=lambda each: (people[each], each))
        for group in sorted(each for each in people if each not in (None, reference)):
            where = {"attribute": attribute, "group": group, "reference": reference}
            if group in hidden or reference in hidden:
                out.append(_hidden("attribution_gap", where, settings))
            else:
                out.append(_gap(found, groups, where, min(people[group], people[reference]), settings, seed))
    return out


def _gap(
    found: Explanation, groups: Sequence[str | None], where: dict[str, Any], n: int, settings: FairnessSettings, seed: int
) -> Result:  # fmt: skip
    between = (where["group"], where["reference"], seed)
    parts = gap(found, groups, *between)
    whole = replace(found, values=found.values.sum(axis=1, keepdims=True), feature_names=("output",))
    (total,) = gap(whole, groups, *between)
    few = n < settings.conclude_n
    reason = f"{n} explained rows in the smaller group, {settings.conclude_n} needed." if few else ""
    detail = {
        **where,
        "unit": found.output,
        "parts": [[each.feature, each.value, each.lower, each.upper, each.share] for each in parts],
    }
    method = "difference of mean contributions; percentile bootstrap within groups"
    status = "insufficient" if few else "info"
    return Result(
        "attribution_gap", total.value, total.lower, total.upper, n, method, "", status, reason, detail=detail
    )


def _withheld(people: Counter[str | None], threshold: int) -> frozenset[str | None]:
    """The groups to hide; those whose group is not known are no group, and only help to hide one."""
    small = any(n < threshold for name, n in people.items() if name is not None)
    return withheld_parts(people, threshold) if small else frozenset()


def _hidden(measure: str, where: dict[str, Any], settings: FairnessSettings) -> Result:
    reason = f"Withheld: fewer than {settings.suppress_n} people, or by this group a smaller one could be worked out."
    return Result(measure, None, None, None, None, "", "", "insufficient", reason, detail=where)


def _share(measure: str, count: int, n: int, detail: dict[str, Any]) -> Result:
    return Result(measure, count / n, *wilson(count, n), n, "share of declined; Wilson interval", detail=detail)


def _error(found: Explanation, ranked: Sequence[Importance]) -> Estimate:
    """How far the leading importances may be off because of how many rows were explained."""
    known = [each for each in ranked[:LEADING] if each.lower is not None and each.upper is not None and each.value > 0]
    worst = max(((each.upper or 0.0) - (each.lower or 0.0)) / 2 / each.value for each in known) if known else 0.0
    method = f"widest half interval over its value, {len(known)} leading features"
    return Estimate(worst, None, None, method, found.n_rows, "It is made of intervals.")


def _drift(since: Sequence[float], found: Explanation, limits: Limits | None) -> Result:
    if not since:
        sentence = "No training data are linked to compare with; link them to the version."
        return withheld("attribution_drift", "insufficient", sentence, found.n_rows, limits)
    try:
        estimate = rank_agreement(list(np.abs(found.values).mean(axis=0)), list(since))
    except ValueError as error:
        return withheld("attribution_drift", "insufficient", str(error), found.n_rows, limits)
    return judged("attribution_drift", estimate, limits)


def _directions(shapes: Sequence[Mapping[str, Any]], thresholds: Thresholds) -> list[Result]:
    limits = thresholds.get("direction_breaks")
    out = []
    for each in shapes:
        if each["breaks"] is not None:
            estimate = replace(Estimate(**each["breaks"]), detail={"feature": each["feature"]})
            out.append(judged("direction_breaks", estimate, limits))
    return out


def _crossed(said: Mapping[str, Any], thresholds: Thresholds) -> list[Result]:
    limits, method = thresholds.get("interaction"), "H² of Friedman and Popescu"
    return [
        judged("interaction", Estimate(value, None, None, method, said["n"], NO_INTERVAL, {"features": [one, other]}), limits)
        for one, other, value in said["pairs"]
    ]  # fmt: skip
