"""Named values one below the other, under headings: shares, indices, differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mrm.measures.charts.bars import ROW, Bar, between, left, panel, side, whisker
from mrm.measures.charts.theme import Theme, svg

Shown = Callable[[float], str]


def draw_listed(data: Sequence[Bar], label: str, shown: Shown, theme: str) -> str:
    """Bars from zero to either side with capped intervals, in the given order; a heading begins a new group."""
    lines: list[Bar | str] = []
    for bar in data:
        if bar.heading and (not lines or bar.heading not in lines):
            lines.append(bar.heading)
        lines.append(bar)
    height = len(lines) * ROW + 0.62

    def paint(figure: Figure, inks: Theme) -> None:
        axes = panel(figure, height, len(lines))
        for y, line in enumerate(lines):
            if isinstance(line, str):
                left(axes, -y, line, weight="bold")
                continue
            ink = inks.data if line.value >= 0 else inks.secondary
            axes.barh(-y, line.value, height=0.58, color=ink, alpha=0.85, linewidth=0)
            whisker(axes, line, -y, inks.text)
            side(axes, -y, line.name, shown(line.value), between(line, shown), inks)
        ends = [0.0, *(end for bar in data for end in (bar.lower, bar.value, bar.upper) if end is not None)]
        room = 0.05 * (max(ends) - min(ends) or 1.0)
        axes.set_xlim(min(ends) - (room if min(ends) < 0 else 0), max(ends) + 2 * room)
        axes.axvline(0, color=inks.axis, linewidth=0.9)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value)))
        axes.set_xlabel(label)

    return svg(theme, height, paint)


def describe_listed(data: Sequence[Bar], what: str, shown: Shown) -> str:
    """The largest by name with its value."""
    most = max(data, key=lambda bar: abs(bar.value))
    where = f"{most.heading}: {most.name}" if most.heading else most.name
    return f"{what} is largest for {where}, {shown(most.value)}, of {len(data)}; the numbers are in the table below."
