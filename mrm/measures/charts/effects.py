"""How the output depends on its features: small multiples of effects, and the spread of contributions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mrm.measures.charts.bars import ROW, left, panel
from mrm.measures.charts.theme import LABEL, NOTE, TICK, Theme, number, svg

ACROSS, TALL = 3, 1.75
THIRDS = ("low", "middle", "high")


@dataclass(frozen=True, slots=True)
class Effect:
    """One feature: accumulated effect and partial dependence over `grid`, the band of individual curves between
    `low` and `high`, and what is expected of it."""

    feature: str
    grid: tuple[float, ...]
    effect: tuple[float, ...]
    dependence: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Spread:
    """Contributions of one feature among rows with a low, middle and high value: 5 %, median, 95 % of each third."""

    feature: str
    thirds: tuple[tuple[float, float, float] | None, ...]


def draw_effects(data: Sequence[Effect], unit: str, theme: str) -> str:
    """Accumulated effects solid, partial dependence dashed, individual curves a band; three in a row, 7.1 inches wide."""
    down = -(-len(data) // ACROSS)
    height = down * TALL + 0.3

    def paint(figure: Figure, inks: Theme) -> None:
        for place, each in enumerate(data):
            x, y = place % ACROSS, place // ACROSS
            bottom = 1 - (y * TALL + TALL - 0.28) / height
            _effect(figure.add_axes((0.065 + x * 0.323, bottom, 0.255, (TALL - 0.72) / height)), each, inks)
        note = f"Solid: accumulated effect; dashed: partial dependence; band: 80 % of individual curves. {unit.capitalize()}."
        figure.text(0.01, 0.06 / height, note, fontsize=NOTE, color=inks.secondary)

    return svg(theme, height, paint)


def describe_effects(data: Sequence[Effect], unit: str) -> str:
    """The feature whose effect ranges widest, and from where to where."""
    widest = max(data, key=lambda each: max(each.effect) - min(each.effect))
    return (
        f"Of {len(data)} features the effect of {widest.feature} ranges widest, from {number(min(widest.effect))} to"
        f" {number(max(widest.effect))} {unit}; the numbers are in the table below."
    )


def draw_spread(data: Sequence[Spread], unit: str, theme: str) -> str:
    """Per feature a mark for each third of its values, with the range of nine tenths; 7.1 inches wide."""
    height = len(data) * ROW * 1.7 + 0.62

    def paint(figure: Figure, inks: Theme) -> None:
        axes = panel(figure, height, 1)
        axes.set_ylim(-len(data) + 0.4, 0.6)
        axes.axvline(0, color=inks.axis, linewidth=0.9)
        for y, each in enumerate(data):
            left(axes, -y, each.feature)
            for third, found in enumerate(each.thirds):
                if found is not None:
                    _third(axes, -y + 0.28 * (1 - third), third, found, inks)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.set_xlabel(f"Contribution, {unit}: median and 5 to 95 % of rows")
        place = axes.get_yaxis_transform()
        for third, (mark, word) in enumerate(zip("ods", THIRDS, strict=True)):
            at, fill = 0.28 * (1 - third), inks.data if third else "none"
            axes.plot(
                [1.06],
                [at],
                mark,
                color=inks.data,
                markersize=4.5,
                markerfacecolor=fill,
                transform=place,
                clip_on=False,
            )
            axes.text(
                1.1,
                at,
                f"{word} third of the values",
                fontsize=NOTE,
                va="center",
                color=inks.secondary,
                transform=place,
            )

    return svg(theme, height, paint)


def describe_spread(data: Sequence[Spread]) -> str:
    """Of the widest feature, what low and high values do."""
    first = data[0]
    low, high = first.thirds[0], first.thirds[-1]
    if low is None or high is None:
        return f"{first.feature} has too few different values to be divided; the numbers are in the table below."
    return (
        f"{first.feature} contributes {number(low[1])} in the middle where it is low and {number(high[1])} where it is high;"
        f" {len(data)} features are in the table below."
    )


def _third(axes: Axes, y: float, third: int, found: tuple[float, float, float], inks: Theme) -> None:
    low, middle, high = found
    axes.plot([low, high], [y, y], color=inks.data, linewidth=1.1)
    axes.plot(
        [middle], [y], "ods"[third], color=inks.data, markersize=4.5, markerfacecolor=inks.data if third else "none"
    )


def _effect(axes: Axes, each: Effect, inks: Theme) -> None:
    x = np.array(each.grid)
    axes.fill_between(x, each.low, each.high, color=inks.data, alpha=0.16, linewidth=0)
    axes.plot(x, each.dependence, color=inks.secondary, linewidth=1.1, linestyle=(0, (4, 2.5)))
    axes.plot(x, each.effect, color=inks.data, linewidth=1.5)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=NOTE)
    axes.set_title(each.feature, fontsize=LABEL, fontweight="bold", loc="left", pad=13)
    axes.text(0, 1.04, each.expected, fontsize=TICK - 0.5, color=inks.secondary, transform=axes.transAxes)
