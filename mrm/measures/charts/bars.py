"""Importance, contributions to one decision, and rates by group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from mrm.measures.charts.theme import LABEL, MARKS, NOTE, TICK, Theme, number, percent, svg

ROW = 0.245


@dataclass(frozen=True, slots=True)
class Bar:
    """A named value with an optional 95 % interval; `note` stands beside the name, `last` keeps
    a rest such as people of unknown group out of the order."""

    name: str
    value: float
    lower: float | None = None
    upper: float | None = None
    note: str = ""
    status: str = "info"
    heading: str = ""
    last: bool = False


def draw_importance(data: Sequence[Bar], theme: str) -> str:
    """Horizontal bars from zero with capped intervals, largest first, at most 20; 7.1 inches wide."""
    bars = sorted(data, key=lambda bar: (-bar.value, bar.name))[:20]
    height = len(bars) * ROW + 0.62

    def paint(figure: Figure, inks: Theme) -> None:
        axes = panel(figure, height, len(bars))
        for y, bar in enumerate(bars):
            axes.barh(-y, bar.value, height=0.58, color=inks.data, alpha=0.85, linewidth=0)
            whisker(axes, bar, -y, inks.text)
            side(axes, -y, bar.name, number(bar.value, 3), between(bar, _three), inks)
        axes.set_xlim(0, max((bar.upper or bar.value for bar in bars), default=1.0) * 1.05)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("Mean absolute contribution, 95 % interval")

    return svg(theme, height, paint)


def describe_importance(data: Sequence[Bar]) -> str:
    """The two largest features and their share of all."""
    bars = sorted(data, key=lambda bar: (-bar.value, bar.name))
    total = sum(bar.value for bar in bars) or 1.0
    said = " and ".join(f"{bar.name} ({percent(bar.value / total)} of all)" for bar in bars[:2])
    return f"The score depends most on {said}, out of {len(bars)} features; the numbers are in the table below."


def draw_shifts(data: Sequence[Bar], limits: Sequence[float], theme: str) -> str:
    """A distance per column as a mark with its interval, largest first, at most 30, and a line at each limit."""
    bars = sorted(data, key=lambda bar: (-bar.value, bar.name))[:30]
    height = len(bars) * ROW + 0.62

    def paint(figure: Figure, inks: Theme) -> None:
        axes = panel(figure, height, len(bars))
        for y, bar in enumerate(bars):
            ink = inks.status(bar.status)
            whisker(axes, bar, -y, ink)
            hollow = "none" if bar.status == "insufficient" else ink
            mark = MARKS.get(bar.status, "o")
            axes.plot([bar.value], [-y], mark, color=ink, markersize=5.5, markerfacecolor=hollow)
            side(axes, -y, bar.name, number(bar.value, 3), between(bar, _three), inks)
        for limit in limits:
            axes.axvline(limit, color=inks.axis, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.set_xlim(0, max([*(bar.upper or bar.value for bar in bars), *limits], default=1.0) * 1.05)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel("Population stability index, 95 % interval")

    return svg(theme, height, paint)


def describe_shifts(data: Sequence[Bar], limits: Sequence[float]) -> str:
    """The column that moved most, and how many lie beyond the first limit."""
    most = max(data, key=lambda bar: bar.value)
    said = f"{most.name} moved most, to {number(most.value, 3)}, of {len(data)} columns"
    if limits:
        beyond = sum(bar.value > min(limits) for bar in data)
        said += f"; {beyond} beyond {number(min(limits))}"
    return f"{said}. The numbers are in the table below."


def draw_contributions(data: Sequence[Bar], base: float, output: float, unit: str, theme: str) -> str:
    """From the base to the output of one row, step by step, largest contribution first."""
    bars = _largest(data, 12)
    height = (len(bars) + 2) * ROW + 0.62

    def paint(figure: Figure, inks: Theme) -> None:
        axes = panel(figure, height, len(bars) + 2)
        _level(axes, 0, "Average of the background", base, inks)
        at = base
        for i, bar in enumerate(bars, start=1):
            ink = inks.data if bar.value >= 0 else inks.secondary
            axes.barh(-i, bar.value, left=at, height=0.58, color=ink, linewidth=0, alpha=0.85)
            axes.plot([at + bar.value] * 2, [-i - 0.29, -i - 0.71], color=inks.axis, linewidth=0.8)
            axes.plot([at, at], [-i + 0.71, -i + 0.29], color=inks.axis, linewidth=0.8)
            sign = "+" if bar.value >= 0 else ""
            side(axes, -i, bar.name, sign + number(bar.value), bar.note, inks, note_left=True)
            at += bar.value
        _level(axes, -len(bars) - 1, "This decision", output, inks)
        steps = list(accumulate((bar.value for bar in bars), initial=base))
        room = 0.06 * (max(steps) - min(steps) or 1.0)
        axes.set_xlim(min(steps) - room, max(steps) + room)
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.set_xlabel(f"Model output, {unit}")

    return svg(theme, height, paint)


def describe_contributions(data: Sequence[Bar], base: float, output: float, unit: str) -> str:
    """From where to where, and the two largest contributions."""
    said = " and ".join(
        f"{bar.name} ({'+' if bar.value >= 0 else ''}{number(bar.value)})" for bar in _largest(data, 12)[:2]
    )
    return f"From the average of {number(base)} to {number(output)} {unit}, moved most by {said}; the table is below."


def draw_rates(data: Sequence[Bar], theme: str) -> str:
    """A rate per group as a mark with its interval, under the heading of its attribute."""
    headings = list(dict.fromkeys(bar.heading for bar in data))
    lines: list[Bar | str] = []
    for heading in headings:
        lines += [
            heading,
            *sorted((b for b in data if b.heading == heading), key=lambda b: (b.last, b.value, b.name)),
        ]
    height = len(lines) * ROW + 0.62

    def paint(figure: Figure, inks: Theme) -> None:
        axes = panel(figure, height, len(lines))
        for y, line in enumerate(lines):
            if isinstance(line, str):
                left(axes, -y, line, weight="bold")
                continue
            ink = inks.status(line.status)
            whisker(axes, line, -y, ink)
            hollow = line.status == "insufficient"
            axes.plot(
                [line.value],
                [-y],
                MARKS.get(line.status, "o"),
                color=ink,
                markersize=5.5,
                markerfacecolor="none" if hollow else ink,
            )
            axes.text(
                -0.03,
                -y,
                line.note,
                fontsize=TICK,
                ha="right",
                va="center",
                color=inks.secondary,
                transform=axes.get_yaxis_transform(),
            )
            side(axes, -y, line.name, percent(line.value), between(line, percent), inks)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{number(100 * value, 0)} %"))
        axes.set_xlabel("Share decided favourably, 95 % interval")

    return svg(theme, height, paint)


def describe_rates(data: Sequence[Bar]) -> str:
    """The lowest and the highest rate, by name."""
    groups = [bar for bar in data if not bar.last] or list(data)
    low, high = min(groups, key=lambda bar: bar.value), max(groups, key=lambda bar: bar.value)
    return (
        f"Favourable decisions range from {percent(low.value)} ({low.heading}: {low.name}) to {percent(high.value)}"
        f" ({high.heading}: {high.name}); the numbers are in the table below."
    )


def _largest(data: Sequence[Bar], count: int) -> list[Bar]:
    """The largest contributions in full and the rest as one, so that they still sum."""
    bars = sorted(data, key=lambda bar: (-abs(bar.value), bar.name))
    if len(bars) <= count:
        return bars
    rest = bars[count - 1 :]
    return [*bars[: count - 1], Bar(f"{len(rest)} other features", sum(bar.value for bar in rest))]


def panel(figure: Figure, height: float, rows: int) -> Axes:
    axes = figure.add_axes((0.355, 0.5 / height, 0.385, 1 - 0.58 / height))
    axes.set_ylim(-rows + 0.35, 0.6)
    axes.set_yticks([])
    return axes


def whisker(axes: Axes, bar: Bar, y: float, ink: str) -> None:
    if bar.lower is None or bar.upper is None:
        return
    dashed = (0, (2.2, 1.8)) if bar.status == "insufficient" else "-"
    axes.plot([bar.lower, bar.upper], [y, y], color=ink, linewidth=1.2, linestyle=dashed)
    axes.plot([bar.lower, bar.upper], [y, y], "|", color=ink, markersize=6, markeredgewidth=1.2)


def side(axes: Axes, y: float, name: str, value: str, note: str, inks: Theme, note_left: bool = False) -> None:
    place = axes.get_yaxis_transform()
    left(axes, y, name)
    axes.text(1.15, y, value, fontsize=LABEL, fontweight="bold", va="center", ha="right", transform=place)
    if note:
        x, side = (-0.03, "right") if note_left else (1.18, "left")
        axes.text(x, y, note, fontsize=NOTE, va="center", ha=side, color=inks.secondary, transform=place)


def left(axes: Axes, y: float, words: str, weight: str = "normal") -> None:
    place = blended_transform_factory(axes.figure.transSubfigure, axes.transData)
    axes.text(0.01, y, words, fontsize=LABEL, fontweight=weight, va="center", transform=place)


def _level(axes: Axes, y: float, name: str, value: float, inks: Theme) -> None:
    axes.plot([value], [y], "D", color=inks.text, markersize=4.5)
    side(axes, y, name, number(value), "", inks)


def _three(value: float) -> str:
    return number(value, 3)


def between(bar: Bar, shown: Callable[[float], str]) -> str:
    """The interval in words, or nothing."""
    return f"{shown(bar.lower)} to {shown(bar.upper)}" if bar.lower is not None and bar.upper is not None else ""
