"""Ratios to the reference group on a log scale, with limits, intervals and status."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from mrm.measures.charts.theme import LABEL, MARKS, NOTE, TICK, WIDTH, WORDS, Theme, bound, number, svg

_LEFT, _RIGHT = 0.335, 0.675
_ROW = 0.235
_CHARACTER = 0.062


@dataclass(frozen=True, slots=True)
class ForestRow:
    """One group: ratio and interval, None if withheld; `note` says why."""

    attribute: str
    group: str
    n: int | None
    value: float | None
    lower: float | None
    upper: float | None
    status: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Forest:
    """Rows of one or more attributes; `watch` and `fail` are the limits in force, if any."""

    rows: tuple[ForestRow, ...]
    measure: str = "Ratio to the reference group"
    watch: float | None = None
    fail: float | None = None
    references: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[ForestRow | str]:
        """Attribute headings and their rows, worst ratio first, withheld rows last."""
        out: list[ForestRow | str] = []
        for attribute in dict.fromkeys(row.attribute for row in self.rows):
            out.append(attribute)
            own = [row for row in self.rows if row.attribute == attribute]
            own.sort(key=_order)
            out.extend(own)
        return out


def _order(row: ForestRow) -> tuple[bool, float, str]:
    return row.value is None, row.value or 0.0, row.group


def draw_forest(data: Forest, theme: str) -> str:
    """The forest plot as SVG, 7.1 inches wide; height follows the number of rows."""
    lines = data.lines()
    places = _places(lines)
    span = -places[-1] if places else 0.0
    height = (span + 1.2) * _ROW + 0.76

    def paint(figure: Figure, inks: Theme) -> None:
        top, bottom = 1 - 0.42 / height, 0.5 / height
        axes = figure.add_axes((_LEFT, bottom, _RIGHT - _LEFT, top - bottom))
        axes.set_ylim(-span - 0.7, 0.6)
        _scale(axes, data)
        _limits(axes, data, inks)
        axes.text(
            -0.03,
            1.015,
            "n",
            ha="right",
            va="bottom",
            fontsize=TICK,
            color=inks.secondary,
            transform=axes.transAxes,
        )
        for x, words in ((1.03, "Ratio"), (1.185, "95 % interval"), (1.57, "Status")):
            axes.text(x, 1.015, words, va="bottom", fontsize=TICK, color=inks.secondary, transform=axes.transAxes)
        for line, y in zip(lines, places, strict=True):
            _heading(axes, line, y, data, inks) if isinstance(line, str) else _row(axes, line, y, data, inks)

    return svg(theme, height, paint)


def describe_forest(data: Forest) -> str:
    """How many groups fail, are watched or too small, and the lowest ratio."""
    shown = [row for row in data.rows if row.value is not None]
    counts = {word: sum(row.status == word for row in data.rows) for word in ("fail", "watch", "insufficient", "pass")}
    words = (
        ("fail", "below the fail limit"),
        ("watch", "to watch"),
        ("insufficient", "too small to judge"),
        ("pass", "pass"),
    )
    said = ", ".join(f"{counts[key]} {text}" for key, text in words if counts[key]) or "no group judged"
    if not shown:
        return f"{data.measure}: {said}. The numbers are in the table below."
    worst = min(shown, key=lambda row: row.value or 0.0)
    interval = f" ({_interval(worst, data)})" if worst.lower is not None else ""
    return (
        f"{data.measure} of {len(data.rows)} groups: {said}. The lowest is {worst.group} at"
        f" {number(worst.value or 0.0)}{interval}; the numbers are in the table below."
    )


def _places(lines: list[ForestRow | str]) -> list[float]:
    places, y = [], 0.35
    for i, line in enumerate(lines):
        y -= 1.35 if isinstance(line, str) and i else 1.0
        places.append(y + 0.65)
    return places


def _scale(axes: Axes, data: Forest) -> None:
    limits = [x for x in (data.watch, data.fail, 1.0) if x is not None]
    ends = [x for row in data.rows for x in (row.value, row.lower, row.upper) if x is not None and x > 0]
    low, high = max(0.1, min([*ends, *limits]) * 0.94), min(4.0, max([*ends, 1.08]) * 1.04)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    steps = (
        [0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0]
        if low < 0.5 or high > 1.7
        else [x / 10 for x in range(5, 18)]
    )
    ticks = [x for x in steps if low <= x <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([number(x, 1) for x in ticks])
    axes.set_yticks([])
    axes.set_xlabel(f"{data.measure} (log scale)")


def _limits(axes: Axes, data: Forest, inks: Theme) -> None:
    place = axes.get_xaxis_transform()
    named = [(1.0, "1.00 parity", "left", "normal", inks.secondary)]
    if data.watch is not None:
        axes.axvline(data.watch, color=inks.secondary, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
        named.append((data.watch, f"{number(data.watch)} watch", "center", "normal", inks.secondary))
    if data.fail is not None:
        axes.axvspan(axes.get_xlim()[0], data.fail, color=inks.band, linewidth=0, zorder=0)
        axes.axvline(data.fail, color=inks.text, linewidth=1.2, zorder=1)
        named.append((data.fail, f"{number(data.fail)} screen ", "right", "bold", inks.text))
    axes.axvline(1.0, color=inks.secondary, linewidth=0.8, zorder=1)
    row = place + ScaledTranslation(0, 3 / 72, axes.figure.dpi_scale_trans)
    room = _inches(axes, 1.0)
    for x, words, side, weight, ink in named:
        raised = (
            1
            if (side == "left" and room < _CHARACTER * len(words)) or (side == "center" and _crowded(axes, data))
            else 0
        )
        lift = row + ScaledTranslation(0, raised * 9.5 / 72, axes.figure.dpi_scale_trans)
        axes.text(x, 1, words, ha=side, va="bottom", fontsize=NOTE, fontweight=weight, color=ink, transform=lift)


def _inches(axes: Axes, x: float) -> float:
    """From a ratio to the right end of the axis."""
    low, high = np.log(axes.get_xlim())
    return float((high - np.log(x)) / (high - low) * (_RIGHT - _LEFT) * WIDTH)


def _crowded(axes: Axes, data: Forest) -> bool:
    """Whether the watch label would touch the label of the fail limit."""
    if data.watch is None or data.fail is None:
        return False
    return _inches(axes, data.fail) - _inches(axes, data.watch) < 5.5 * _CHARACTER


def _heading(axes: Axes, title: str, y: float, data: Forest, inks: Theme) -> None:
    place = axes.get_yaxis_transform()
    axes.text(-0.965, y, title, fontsize=LABEL, fontweight="bold", va="center", transform=place)
    if title in data.references:
        axes.text(
            1.03,
            y,
            f"reference {data.references[title]}",
            fontsize=NOTE,
            color=inks.secondary,
            va="center",
            transform=place,
        )


def _row(axes: Axes, row: ForestRow, y: float, data: Forest, inks: Theme) -> None:
    place, ink = axes.get_yaxis_transform(), inks.status(row.status)
    axes.text(-0.965, y, row.group, fontsize=LABEL, va="center", transform=place)
    if row.n is not None:
        axes.text(
            -0.03,
            y,
            f"{row.n:,}",
            fontsize=TICK,
            ha="right",
            va="center",
            color=inks.secondary,
            transform=place,
        )
    if row.value is None or row.value <= 0:
        axes.text(
            1.03,
            y,
            row.note or WORDS.get(row.status, ""),
            fontsize=NOTE,
            va="center",
            color=inks.secondary,
            transform=place,
        )
        return
    _mark(axes, row, y, ink)
    axes.text(1.03, y, number(row.value), fontsize=LABEL, fontweight="bold", va="center", transform=place)
    if row.lower is not None:
        axes.text(1.185, y, _interval(row, data), fontsize=TICK, va="center", color=inks.secondary, transform=place)
    hollow = row.status == "insufficient"
    if WORDS.get(row.status):
        axes.plot(
            [1.585],
            [y],
            MARKS.get(row.status, "o"),
            color=ink,
            markersize=4.5,
            markerfacecolor="none" if hollow else ink,
            clip_on=False,
            transform=place,
        )
        axes.text(1.62, y, WORDS[row.status], fontsize=LABEL, color=ink, va="center", transform=place)


def _mark(axes: Axes, row: ForestRow, y: float, ink: str) -> None:
    hollow = row.status == "insufficient"
    if row.lower is not None and row.upper is not None:
        low, high = axes.get_xlim()
        ends = [max(row.lower, low), min(row.upper, high)]
        axes.plot(ends, [y, y], color=ink, linewidth=1.3, linestyle=(0, (2.2, 1.8)) if hollow else "-", zorder=2)
        inside: list[float] = [end for end in (row.lower, row.upper) if low < end < high]
        axes.plot(inside, [y] * len(inside), "|", color=ink, markersize=6, markeredgewidth=1.3, zorder=2)
    fill = "none" if hollow else ink
    axes.plot(
        [row.value or 0.0],
        [y],
        MARKS.get(row.status, "o"),
        color=ink,
        markersize=6.2,
        markerfacecolor=fill,
        zorder=3,
    )


def _interval(row: ForestRow, data: Forest) -> str:
    limits = tuple(x for x in (data.watch, data.fail, 1.0) if x is not None)
    return f"{bound(row.lower or 0.0, limits)} to {bound(row.upper or 0.0, limits)}"
