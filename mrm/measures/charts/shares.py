"""Shares of a whole, in the order given, under headings: who is in and who is not."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from mrm.measures.charts.bars import Bar
from mrm.measures.charts.theme import LABEL, NOTE, TICK, WIDTH, Theme, percent, svg

_ROW, _LEFT, _RIGHT = 0.235, 2.6, 1.5


def draw_shares(data: Sequence[Bar], theme: str) -> str:
    """Horizontal bars from zero to the whole, 7.1 inches wide; `note` holds the number of people."""
    headings = list(dict.fromkeys(bar.heading for bar in data))
    lines: list[Bar | str] = []
    for name in headings:
        lines += [name, *(bar for bar in data if bar.heading == name)]
    height = len(lines) * _ROW + 0.15

    def paint(figure: Figure, inks: Theme) -> None:
        axes = figure.add_axes((_LEFT / WIDTH, 0.05 / height, (WIDTH - _LEFT - _RIGHT) / WIDTH, 1 - 0.1 / height))
        axes.set_xlim(0, 1)
        axes.set_ylim(-len(lines) + 0.4, 0.6)
        axes.axis("off")
        place = axes.get_yaxis_transform()
        left = -_LEFT / (WIDTH - _LEFT - _RIGHT)
        for y, line in enumerate(lines):
            if isinstance(line, str):
                axes.text(left, -y, line, fontsize=LABEL, fontweight="bold", va="center", transform=place)
                continue
            axes.text(left, -y, line.name, fontsize=LABEL, va="center", transform=place)
            axes.text(-0.03, -y, line.note, fontsize=TICK, va="center", ha="right", transform=place)
            axes.barh(-y, line.value, height=0.55, color=inks.data, alpha=0.85, linewidth=0)
            axes.text(line.value, -y, f"  {percent(line.value)}", fontsize=NOTE, va="center", color=inks.secondary)

    return svg(theme, height, paint)
