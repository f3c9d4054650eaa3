"""Ratios to the reference group on a log scale, with limits, intervals and status."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from matplotlib.transforms import ScaledTranslation

from mrm.measures.charts.theme import (
    LABEL,
    MARKS,
    NOTE,
    TICK,
    WIDTH,
    WORDS,
    Theme,
    bound,
    folded,
    number,
    svg,
    text_width,
)

_LEFT, _RIGHT = 0.335, 0.675
_AXIS = (_RIGHT - _LEFT) * WIDTH
_ROW, _LINE = 0.235, 0.55
_GAP, _TICK_GAP = 0.06, 0.3
_GROUP, _SAID = -0.965, 1.03
_GROUP_ROOM, _SAID_ROOM = 1.6, 2.18


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
    places = _places(lines, data)
    last = (_folds(lines[-1], data) - 1) * _LINE / 2 if lines else 0.0
    span = last - places[-1] if places else 0.0
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
        for x, words in ((_SAID, "Ratio"), (1.185, "95 % interval"), (1.57, "Status")):
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


def _places(lines: list[ForestRow | str], data: Forest) -> list[float]:
    """The middle of every line; what is folded takes more than one row."""
    places, y = [], 1.0
    for i, line in enumerate(lines):
        taller = (_folds(line, data) - 1) * _LINE
        y -= (1.35 if isinstance(line, str) and i else 1.0) + taller / 2
        places.append(y)
        y -= taller / 2
    return places


def _folds(line: ForestRow | str, data: Forest) -> int:
    texts = (line, _reference(line, data)) if isinstance(line, str) else (_group(line), _said(line))
    return max(text.count("\n") for text in texts) + 1


def _group(row: ForestRow) -> str:
    return folded(row.group, LABEL, _GROUP_ROOM)


def _said(row: ForestRow) -> str:
    """What stands instead of a ratio."""
    return "" if row.value else folded(row.note or WORDS.get(row.status, ""), NOTE, _SAID_ROOM)


def _reference(attribute: str, data: Forest) -> str:
    named = data.references.get(attribute)
    return folded(f"reference {named}", NOTE, _SAID_ROOM) if named else ""


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
    ticks = _apart([x for x in steps if low <= x <= high], axes)
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
        named.append((data.fail, f"{number(data.fail)} screen", "right", "bold", inks.text))
    axes.axvline(1.0, color=inks.secondary, linewidth=0.8, zorder=1)
    row = place + ScaledTranslation(0, 3 / 72, axes.figure.dpi_scale_trans)
    for (x, words, side, weight, ink), level in zip(named, _levels(axes, named), strict=True):
        lift = row + ScaledTranslation(0, level * 9.5 / 72, axes.figure.dpi_scale_trans)
        axes.text(x, 1, words, ha=side, va="bottom", fontsize=NOTE, fontweight=weight, color=ink, transform=lift)


def _levels(axes: Axes, named: list[tuple[float, str, str, str, str]]) -> list[int]:
    """The lowest line for every label on which it touches no other and no heading of a column."""
    taken: list[tuple[int, float, float]] = [(0, -math.inf, 0.0), (0, _AXIS, math.inf)]
    levels = []
    for x, words, side, weight, _ink in named:
        width = text_width(words, NOTE, weight)
        start = _inches(axes, x) - {"left": 0.0, "center": width / 2, "right": width}[side]
        level = 0
        while any(level == at and start < right + _GAP and left - _GAP < start + width for at, left, right in taken):
            level += 1
        taken.append((level, start, start + width))
        levels.append(level)
    return levels


def _inches(axes: Axes, x: float) -> float:
    """From the left end of the axis to a ratio."""
    low, high = np.log(axes.get_xlim())
    return float((np.log(x) - low) / (high - low) * _AXIS)


def _apart(ticks: list[float], axes: Axes) -> list[float]:
    """Ticks whose numbers do not touch; parity always has its own."""
    kept: list[float] = []
    for tick in ticks:
        near_parity = tick != 1.0 and abs(_inches(axes, 1.0) - _inches(axes, tick)) < _TICK_GAP
        if not near_parity and (not kept or _inches(axes, tick) - _inches(axes, kept[-1]) >= _TICK_GAP):
            kept.append(tick)
    return kept


def _heading(axes: Axes, title: str, y: float, data: Forest, inks: Theme) -> None:
    place = axes.get_yaxis_transform()
    axes.text(_GROUP, y, title, fontsize=LABEL, fontweight="bold", va="center", transform=place)
    reference = _reference(title, data)
    axes.text(_SAID, y, reference, fontsize=NOTE, color=inks.secondary, va="center", transform=place)


def _row(axes: Axes, row: ForestRow, y: float, data: Forest, inks: Theme) -> None:
    place, ink = axes.get_yaxis_transform(), inks.status(row.status)
    axes.text(_GROUP, y, _group(row), fontsize=LABEL, va="center", transform=place)
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
        axes.text(_SAID, y, _said(row), fontsize=NOTE, va="center", color=inks.secondary, transform=place)
        return
    _mark(axes, row, y, ink)
    axes.text(_SAID, y, number(row.value), fontsize=LABEL, fontweight="bold", va="center", transform=place)
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
