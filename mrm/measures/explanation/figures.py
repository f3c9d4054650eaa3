"""The figures of an explanation, each with the table of the numbers drawn; rows of people stand by a digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from mrm.measures import charts
from mrm.measures.charts.theme import number, percent
from mrm.measures.explanation.attributions import Explanation, Importance, contributions
from mrm.measures.explanation.notices import Decided
from mrm.measures.explanation.notices import cases as prescribed
from mrm.measures.figures import Figure, drawn
from mrm.measures.results import Result

FEW = 5  # rows below which a third of the values is not drawn
DRAWN = 20


def spread(found: Explanation, ranked: Sequence[Importance]) -> Figure:
    """What low, middle and high values of each feature contribute."""
    names = [each.feature for each in ranked[:DRAWN]]
    data = [charts.Spread(name, _thirds(found, found.feature_names.index(name))) for name in names]
    header = ("Feature", "Values", "5 %", "Median", "95 %")
    rows = [
        (each.feature, word, *(third or (None, None, None)))
        for each in data
        for word, third in zip(charts.THIRDS, each.thirds, strict=True)
    ]
    return drawn(
        "contribution_spread", "What low and high values contribute",
        lambda data, theme: charts.draw_spread(data, found.output, theme), data, charts.describe_spread(data), header,
        rows,
    )  # fmt: skip


def dependence(shapes: Sequence[Mapping[str, Any]], unit: str) -> Figure:
    """Accumulated effects, partial dependence and individual curves of the leading features."""
    data = [_effect(each) for each in shapes]
    header = (
        "Feature",
        "Value",
        "Accumulated effect",
        "Partial dependence",
        "10 % of curves",
        "90 % of curves",
        "Rows",
    )
    rows = [
        (each["feature"], *point, each["n"])
        for each in shapes
        for point in zip(*(each[name] for name in ("grid", "effect", "dependence", "low", "high")), strict=True)
    ]
    return drawn(
        "dependence", "How the output depends on its features",
        lambda data, theme: charts.draw_effects(data, unit, theme), data, charts.describe_effects(data, unit), header,
        rows,
    )  # fmt: skip


def crossed(said: Mapping[str, Any]) -> list[Figure]:
    """The strongest interactions of two features."""
    data = [charts.Bar(f"{one} × {other}", value) for one, other, value in said["pairs"]]
    rows = [(one, other, value, said["n"]) for one, other, value in said["pairs"]]
    header = ("Feature", "Feature", "H²", "Rows")
    label = "Share of the joint effect that is not additive, H²"
    return _listed("interactions", "Interactions of two features", data, label, _three, "The interaction", header, rows)


def gaps(results: Sequence[Result]) -> list[Figure]:
    """For each attribute the group farthest from its reference, by feature; the table holds every group."""
    known = [each for each in results if each.measure == "attribution_gap" and each.value is not None]
    out = []
    for place, attribute in enumerate(dict.fromkeys(each.detail["attribute"] for each in known)):
        mine = [each for each in known if each.detail["attribute"] == attribute]
        widest = max(mine, key=lambda each: abs(each.value or 0.0))
        where = f"{widest.detail['group']} less {widest.detail['reference']}"
        data = [charts.Bar(name, value, low, high) for name, value, low, high, _ in widest.detail["parts"][:DRAWN]]
        rows = [
            (each.detail["group"], each.detail["reference"], name, value, low, high, share)
            for each in mine
            for name, value, low, high, share in each.detail["parts"]
        ]
        header = ("Group", "Reference", "Feature", "Difference", "Lower", "Upper", "Share of the gap")
        title = f"What makes the gap by {str(attribute).replace('_', ' ')}: {where}"
        label = f"Difference of mean contributions, {widest.detail['unit']}, 95 % interval"
        out += _listed(f"gap_{place + 1}", title, data, label, _three, "The difference", header, rows)
    return out


def cases(found: Explanation, decided: Decided) -> list[Figure]:
    """The prescribed cases, from the average of the background to the output, step by step."""
    outputs = found.values.sum(axis=1) + found.base
    return [
        _case(found, name, row, float(outputs[row]), decided.digests[row])
        for name, row in prescribed(found, decided).items()
    ]


def reasons(results: Sequence[Result]) -> list[Figure]:
    """How often each reason is given, among all declined and by group."""
    every = [each for each in results if each.measure == "reason_share"]
    grouped = [each for each in results if each.measure == "reason_share_group"]
    data = [_bar(each, each.detail["code"]) for each in every]
    rows = [(each.detail["code"], each.detail["text"], each.value, each.lower, each.upper, each.n) for each in every]
    header = ("Code", "Reason", "Share of declined", "Lower", "Upper", "Declined")
    label, what = "Share of declined, 95 % interval", "The share of declined with a reason"
    out = _listed("reason_codes", "Reasons for declining", data, label, percent, what, header, rows)
    for place, attribute in enumerate(dict.fromkeys(each.detail["attribute"] for each in grouped)):
        mine = [each for each in grouped if each.detail["attribute"] == attribute]
        data = [_bar(each, each.detail["group"], each.detail["code"]) for each in mine if each.value is not None]
        data.sort(key=lambda bar: bar.heading)
        told = [
            (each.detail.get("code"), each.detail["group"], each.value, each.lower, each.upper, each.n, each.reason)
            for each in mine
        ]
        head = ("Code", "Group", "Share of declined", "Lower", "Upper", "Declined", "Remark")
        title = f"Reasons by {str(attribute).replace('_', ' ')}"
        out += _listed(f"reason_groups_{place + 1}", title, data, label, percent, what, head, told)
    return out


def _effect(shape: Mapping[str, Any]) -> charts.Effect:
    expected = {1: "expected to rise", -1: "expected to fall"}.get(shape["direction"], "nothing expected")
    grid, effect, dependence, low, high = (
        tuple(shape[name]) for name in ("grid", "effect", "dependence", "low", "high")
    )
    return charts.Effect(shape["feature"], grid, effect, dependence, low, high, expected)


def _case(found: Explanation, name: str, row: int, output: float, digest: str) -> Figure:
    parts = contributions(found, row)
    bars = [charts.Bar(each.feature, each.contribution, note=f"{each.feature_value:,.6g}") for each in parts]
    return drawn(
        f"case_{name.replace(', ', '_').replace(' ', '_')}", f"{name.capitalize()}: row {digest}",
        lambda bars, theme: charts.draw_contributions(bars, found.base, output, found.output, theme), bars,
        charts.describe_contributions(bars, found.base, output, found.output), ("Feature", "Value", "Contribution"),
        [(each.feature, each.feature_value, each.contribution) for each in parts],
    )  # fmt: skip


def _bar(result: Result, name: str, heading: str = "") -> charts.Bar:
    return charts.Bar(name, result.value or 0.0, result.lower, result.upper, heading=heading)


def _thirds(found: Explanation, column: int) -> tuple[tuple[float, float, float] | None, ...]:
    """Contributions where the feature is low, middle and high; nothing where too few rows are."""
    data, values = found.data[:, column], found.values[:, column]
    low, high = np.quantile(data, [1 / 3, 2 / 3], method="inverted_cdf")
    parts = (data <= low, (data > low) & (data <= high), data > high)
    return tuple(_quantiles(values[part]) if part.sum() >= FEW else None for part in parts)


def _quantiles(values: Any) -> tuple[float, float, float]:
    low, middle, high = (float(each) for each in np.quantile(values, [0.05, 0.5, 0.95]))
    return low, middle, high


def _listed(
    name: str, title: str, data: Sequence[charts.Bar], label: str, shown: Callable[[float], str], what: str,
    header: tuple[str, ...], rows: Sequence[tuple[Any, ...]],
) -> list[Figure]:  # fmt: skip
    """The figure, or none where there is nothing to draw."""
    if not data:
        return []
    found = drawn(name, title, lambda data, theme: charts.draw_listed(data, label, shown, theme), data,
                  charts.describe_listed(data, what, shown), header, rows)  # fmt: skip
    return [found]


def _three(value: float) -> str:
    return number(value, 3)
