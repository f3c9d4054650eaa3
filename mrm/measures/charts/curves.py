"""Score distribution by outcome, and observed against predicted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from mrm.measures.charts.theme import LAST, NOTE, TICK, Theme, number, percent, svg

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Rows per equal-width score bin between `low` and `high`, by outcome; the cut-off in force."""

    events: tuple[int, ...]
    others: tuple[int, ...]
    cutoff: float
    low: float = 0.0
    high: float = 1.0
    event_name: str = "Event"
    other_name: str = "No event"
    score_name: str = "Score"

    def shares(self) -> tuple[Values, Values, Values]:
        """Bin middles, and each outcome's share per bin in at most 50 bins."""
        factor = max(1, len(self.events) // 50)
        e, o = (np.add.reduceat(np.array(c, float), np.arange(0, len(c), factor)) for c in (self.events, self.others))
        edges = np.linspace(self.low, self.high, e.size + 1)
        return (edges[1:] + edges[:-1]) / 2, e / max(1.0, e.sum()), o / max(1.0, o.sum())


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """Mean predicted and observed rate of one bin with the 95 % interval of the latter."""

    predicted: float
    observed: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True, slots=True)
class Line:
    """One curve by name; one that others are held against is dashed."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dashed: bool = False


def draw_lines(data: Sequence[Line], x_name: str, y_name: str, shares: tuple[bool, bool], theme: str) -> str:
    """Curves over one axis, each named at its end; `shares` tells which axes are percentages; 7.1 by 3.2 inches."""

    def paint(figure: Figure, inks: Theme) -> None:
        axes = figure.add_axes((0.085, 0.16, 0.72, 0.74))
        for line in data:
            ink, style = (inks.secondary, (0, (4, 3))) if line.dashed else (inks.data, "-")
            few = "o" if len(line.x) <= 20 and not line.dashed else ""
            axes.plot(line.x, line.y, color=ink, linestyle=style, linewidth=1.5, marker=few, markersize=3.6)
        form = FuncFormatter(lambda value, _: f"{number(100 * value, 0)} %")
        for axis, share in zip((axes.xaxis, axes.yaxis), shares, strict=True):
            axis.set_major_locator(MaxNLocator(5))
            if share:
                axis.set_major_formatter(form)
        for at, line in zip(_apart([line.y[-1] for line in data], axes.get_ylim()), data, strict=True):
            place = axes.get_yaxis_transform()
            ink = inks.secondary if line.dashed else inks.data
            axes.text(1.01, at, line.name, fontsize=NOTE, color=ink, va="center", transform=place)
        axes.set_xlabel(x_name)
        axes.text(0, 1.03, y_name, fontsize=TICK, color=inks.secondary, transform=axes.transAxes)

    return svg(theme, 3.2, paint)


def _apart(ends: Sequence[float], span: tuple[float, float]) -> list[float]:
    """Where to name curves that end at these heights, so that no name stands on another."""
    step = 0.075 * (span[1] - span[0])
    places, below = dict[int, float](), -np.inf
    for place in sorted(range(len(ends)), key=lambda each: ends[each]):
        below = max(float(ends[place]), below + step)
        places[place] = below
    over = max(0.0, below - span[1])
    return [places[place] - over for place in range(len(ends))]


def draw_distribution(data: Distribution, theme: str) -> str:
    """Two outlines, events solid and others dashed, with the cut-off; 7.1 by 2.3 inches."""

    def paint(figure: Figure, inks: Theme) -> None:
        axes = figure.add_axes((0.05, 0.2, 0.9, 0.68))
        x, events, others = data.shares()
        axes.fill_between(x, events, step="mid", color=inks.data, alpha=0.16, linewidth=0)
        axes.step(x, events, where="mid", color=inks.data, linewidth=1.5)
        axes.step(x, others, where="mid", color=inks.secondary, linewidth=1.3, linestyle=(0, (4, 2.5)))
        used = np.flatnonzero(events + others > 0.0005)
        width = x[1] - x[0] if x.size > 1 else 1.0
        axes.set_xlim(x[used[0]] - width, min(data.high, x[used[-1]] + width))
        peak = max(float(events.max()), float(others.max()))
        axes.set_ylim(0, peak * 1.3)
        axes.axvline(data.cutoff, color=inks.text, linewidth=1.2, ymax=0.93)
        axes.text(
            data.cutoff,
            peak * 1.3,
            f"cut-off {number(data.cutoff)}",
            ha="center",
            va="top",
            fontsize=NOTE,
            fontweight="bold",
        )
        _name(axes, x, others, f"{data.other_name}, {sum(data.others):,}", inks.secondary, data.cutoff)
        _name(axes, x, events, f"{data.event_name}, {sum(data.events):,}", inks.data, data.cutoff, tail=True)
        axes.set_yticks([])
        axes.set_xlabel(f"{data.score_name}; height is the share within each outcome")

    return svg(theme, 2.3, paint)


def describe_distribution(data: Distribution) -> str:
    """Share of events and of others at or above the cut-off."""
    x, events, others = data.shares()
    above = x >= data.cutoff
    return (
        f"{percent(float(events[above].sum()))} of events and {percent(float(others[above].sum()))} of the others score"
        f" about {number(data.cutoff)} or more, the cut-off; the counts are in the table below."
    )


def draw_calibration(data: Sequence[CalibrationPoint], theme: str) -> str:
    """Observed against predicted rate with its 95 % band and the diagonal; 7.1 by 3.2 inches."""

    def paint(figure: Figure, inks: Theme) -> None:
        axes = figure.add_axes((0.085, 0.16, 0.8, 0.74))
        x, y = np.array([p.predicted for p in data]), np.array([p.observed for p in data])
        low, high = np.array([p.lower for p in data]), np.array([p.upper for p in data])
        end = max(float(x.max()), float(high.max())) * 1.04
        axes.plot([0, end], [0, end], color=inks.secondary, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.fill_between(x, low, high, color=inks.data, alpha=0.16, linewidth=0)
        axes.plot(x, y, color=inks.data, linewidth=1.5, marker="o", markersize=3.6)
        axes.set_xlim(0, end)
        axes.set_ylim(0, end)
        form = FuncFormatter(lambda value, _: f"{number(100 * value, 0)} %")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(5))
            axis.set_major_formatter(form)
        axes.text(
            1.01,
            1.0,
            "predicted\n= observed",
            fontsize=NOTE,
            color=inks.secondary,
            va="center",
            transform=axes.transAxes,
        )
        axes.annotate(
            percent(float(y[-1])),
            (x[-1], y[-1]),
            xytext=(7, -1),
            textcoords="offset points",
            fontsize=LAST,
            fontweight="bold",
            va="center",
            annotation_clip=False,
        )
        axes.set_xlabel("Predicted rate, equal-mass bins")
        axes.text(0, 1.03, "Observed rate, 95 % band", fontsize=TICK, color=inks.secondary, transform=axes.transAxes)

    return svg(theme, 3.2, paint)


def describe_calibration(data: Sequence[CalibrationPoint]) -> str:
    """In how many bins the predicted rate lies within the interval of the observed one, and the widest gap."""
    inside = sum(p.lower <= p.predicted <= p.upper for p in data)
    worst = max(data, key=lambda p: abs(p.predicted - p.observed))
    return (
        f"In {inside} of {len(data)} bins the predicted rate lies within the interval of the observed one; the widest gap is"
        f" {percent(worst.predicted)} predicted against {percent(worst.observed)} observed. The table is below."
    )


def _name(axes: Axes, x: Values, shares: Values, words: str, ink: str, cutoff: float, tail: bool = False) -> None:
    """Name a curve beside its highest point, or where its tail is half as high, clear of the cut-off."""
    top = int(np.argmax(shares))
    falling = np.flatnonzero(shares[top:] < shares[top] * 0.55) if tail else np.array([])
    place = top + int(falling[0]) if falling.size else top
    low, high = axes.get_xlim()
    start, room = float(x[place]), len(words) * 0.0115 * (high - low)
    if start <= cutoff <= start + room:
        start = cutoff
    axes.annotate(
        words,
        (start, shares[place]),
        xytext=(6, 4 if tail else -2),
        textcoords="offset points",
        fontsize=NOTE + 0.5,
        color=ink,
        va="bottom" if tail else "top",
    )
