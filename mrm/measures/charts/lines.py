"""Curves of several groups in small multiples: each named at its end, one of them in the ink of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from mrm.measures.charts.theme import LABEL, NOTE, WIDTH, Theme, folded, number, svg

_TALL, _GAP, _ROOM = 2.15, 0.125, 1.02
_DASHES = ("-", (0, (5, 2)), (0, (2, 1.6)), (0, (6, 1.6, 1.4, 1.6)), (0, (1, 1.2)))

Point = tuple[float, float, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve: points as (x, y, lower, upper) in the order of x. `lead` is drawn in the ink of the data, with its band."""

    name: str
    points: tuple[Point, ...]
    lead: bool = False
    marks: bool = False
    step: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One of the small multiples."""

    title: str
    series: tuple[Series, ...]
    # (low, high) at each x within which chance alone keeps the curve
    control: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Curves:
    """Panels with one meaning of x and y. `limits` are lines (y, words, strong); `at` is a line at an x; `names` name the
    whole numbers of x."""

    panels: tuple[Panel, ...]
    x_label: str
    y_label: str
    limits: tuple[tuple[float, str, bool], ...] = ()
    at: tuple[float, str] | None = None
    names: tuple[str, ...] = ()
    x_percent: bool = False
    y_percent: bool = False
    diagonal: bool = False
    from_zero: bool = False


def draw_curves(data: Curves, theme: str) -> str:
    """Two panels in a row, 7.1 inches wide together; one alone takes the width."""
    across = min(2, max(1, len(data.panels)))
    down = math.ceil(len(data.panels) / across)
    height = down * _TALL + 0.3

    def paint(figure: Figure, inks: Theme) -> None:
        for place, panel in enumerate(data.panels):
            row, column = divmod(place, across)
            wide = WIDTH / across
            left = column * wide + 0.42
            bottom = height - (row + 1) * _TALL + 0.1
            axes = figure.add_axes(
                (left / WIDTH, (bottom + 0.22) / height, (wide - 0.42 - _ROOM) / WIDTH, (_TALL - 0.78) / height)
            )
            _panel(axes, panel, data, inks, bottom_row=place + across >= len(data.panels))

    return svg(theme, height, paint)


def _panel(axes: Axes, panel: Panel, data: Curves, inks: Theme, *, bottom_row: bool) -> None:
    axes.set_title(panel.title, loc="left", fontsize=LABEL, fontweight="bold", pad=13, color=inks.text)
    axes.text(0, 1.04, data.y_label, fontsize=NOTE, color=inks.secondary, transform=axes.transAxes)
    _scale(axes, panel, data)
    _limits(axes, data, inks)
    if data.diagonal:
        axes.plot(axes.get_xlim(), axes.get_xlim(), color=inks.axis, linewidth=0.9, linestyle=(0, (4, 3)))
    if data.at:
        axes.axvline(data.at[0], color=inks.text, linewidth=0.9)
        axes.annotate(data.at[1], (data.at[0], 1), xycoords=("data", "axes fraction"), xytext=(2, -8),
                      textcoords="offset points", fontsize=NOTE, color=inks.text)  # fmt: skip
    if panel.control:
        x, low, high = zip(*panel.control, strict=True)
        axes.fill_between(x, low, high, color=inks.band, linewidth=0, step="mid", zorder=0)
    others = 0
    for series in panel.series:
        axes_ink, dash = (inks.data, "-") if series.lead else (inks.secondary, _DASHES[others % len(_DASHES)])
        others += 0 if series.lead else 1
        _curve(axes, series, axes_ink, dash)
    _ends(axes, panel, inks)
    if bottom_row:
        axes.set_xlabel(data.x_label, fontsize=NOTE)


def _limits(axes: Axes, data: Curves, inks: Theme) -> None:
    """A line at each limit; the strongest is named first, others where their words do not touch."""
    low, high = axes.get_ylim()
    named: list[float] = []
    for limit, words, strong in sorted(data.limits, key=lambda each: not each[2]):
        axes.axhline(
            limit, color=inks.text if strong else inks.axis, linewidth=0.9, linestyle="-" if strong else (0, (4, 3))
        )
        if all(abs(limit - other) > _GAP * (high - low) for other in named):
            named.append(limit)
            axes.annotate(words, (0, limit), xycoords=("axes fraction", "data"), xytext=(2, 1.5), textcoords="offset points",
                          fontsize=NOTE, color=inks.secondary)  # fmt: skip


def _scale(axes: Axes, panel: Panel, data: Curves) -> None:
    points = [point for series in panel.series for point in series.points]
    xs = [x for x, *_rest in points]
    ys = [y for _, y, *_rest in points] + [low for low, _, _ in data.limits]
    ys += [
        bound
        for series in panel.series
        if series.lead
        for point in series.points
        for bound in point[2:]
        if bound is not None
    ]
    ys += [bound for _, low, high in panel.control for bound in (low, high)]
    low, high = (0.0 if data.from_zero else min(ys)), max(ys)
    room = 0.08 * (high - low or 1.0)
    axes.set_ylim(low if data.from_zero else low - room, high + room)
    spread = (max(xs) - min(xs) or 1.0) * 0.03
    axes.set_xlim(min(xs) - spread, max(xs) + spread)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(axis="y", labelleft=True)
    form = FuncFormatter(lambda value, _: f"{number(100 * value, 0)} %")
    axes.yaxis.set_major_formatter(
        form if data.y_percent else FuncFormatter(lambda value, _: f"{value:.3g}".replace("-", "−"))
    )
    if data.names:
        step = max(1, math.ceil(len(data.names) / 4))
        places = list(range(0, len(data.names), step))
        axes.xaxis.set_major_locator(FixedLocator(places))
        axes.set_xticklabels([data.names[place] for place in places])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4))
        if data.x_percent:
            axes.xaxis.set_major_formatter(form)


def _curve(axes: Axes, series: Series, ink: str, dash: object) -> None:
    x, y = [p[0] for p in series.points], [p[1] for p in series.points]
    bounds = [(p[0], p[2], p[3]) for p in series.points if p[2] is not None and p[3] is not None]
    if series.lead and bounds:
        places, low, high = zip(*bounds, strict=True)
        axes.fill_between(places, low, high, color=ink, alpha=0.16, linewidth=0)
    style: dict[str, Any] = {"color": ink, "linewidth": 1.6 if series.lead else 1.1, "linestyle": dash}
    if series.marks:
        style |= {"marker": "o", "markersize": 3.0}
    if series.step:
        axes.step(x, y, where="mid", **style)
    else:
        axes.plot(x, y, **style)


def _ends(axes: Axes, panel: Panel, inks: Theme) -> None:
    """The names at the ends of the curves, moved apart where they would touch."""
    low, high = axes.get_ylim()
    wanted = sorted(((series.points[-1][1], series) for series in panel.series), key=lambda each: each[0])
    places: list[float] = []
    for y, series in wanted:
        lines = folded(series.name, NOTE, _ROOM - 0.12).count("\n") + 1
        least = _GAP * (high - low) * (0.5 + lines / 2)
        places.append(max(y, places[-1] + least) if places else max(y, low))
    spill = max(0.0, (places[-1] - high)) if places else 0.0
    for (_, series), place in zip(wanted, places, strict=True):
        axes.annotate(
            folded(series.name, NOTE, _ROOM - 0.12), (1, place - spill), xycoords=("axes fraction", "data"), xytext=(5, 0),
            textcoords="offset points", fontsize=NOTE, va="center", fontweight="bold" if series.lead else "normal",
            color=inks.data if series.lead else inks.secondary, annotation_clip=False,
        )  # fmt: skip


def describe_curves(data: Curves, said: Sequence[str]) -> str:
    """How many curves, what was found as sentences, and where the numbers are."""
    count = sum(len(panel.series) for panel in data.panels)
    words = " ".join(said)
    return f"{count} curve{'s' if count != 1 else ''} in {len(data.panels)} panel{'s' if len(data.panels) != 1 else ''}. {words} The numbers are in the table below."
