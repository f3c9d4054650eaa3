"""Inks, type and the way a drawing becomes bytes: one grammar for every chart."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from threading import RLock
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.textpath import text_to_path

WIDTH = 7.1
LABEL, TICK, NOTE, LAST = 8.5, 8.0, 7.5, 9.0
MINUS = "\N{MINUS SIGN}"
_fonts = ["DejaVu Sans"]
_drawing = RLock()


@dataclass(frozen=True, slots=True)
class Theme:
    """The inks of one ground; status names follow the results'."""

    passed: str
    watch: str
    fail: str
    insufficient: str
    data: str
    text: str
    secondary: str
    axis: str
    band: str

    def status(self, status: str) -> str:
        """Ink of a status; results without one are drawn as data."""
        known = {
            "pass": self.passed,
            "watch": self.watch,
            "fail": self.fail,
            "insufficient": self.insufficient,
        }
        return known.get(status, self.data)


THEMES = {
    "light": Theme("#176b2c", "#9a5b00", "#a61b12", "#545b66", "#0b5cad", "#1f2937", "#545b66", "#c9ced6", "#eef2f7"),
    "dark": Theme("#5fd07a", "#f5b544", "#ff8f85", "#a9b4c2", "#7db8f7", "#eceef0", "#a9b4c2", "#5c6066", "#313439"),
}
MARKS = {"pass": "o", "watch": "^", "fail": "s", "insufficient": "o"}
WORDS = {"pass": "Pass", "watch": "Watch", "fail": "Fail", "insufficient": "Insufficient", "info": "",
         "not_applicable": "Not applicable"}  # fmt: skip


def register_font(path: Path) -> str:
    """Draw in the font of this file from now on, DejaVu Sans where it lacks a sign; returns its name."""
    font_manager.fontManager.addfont(str(path))
    name = str(font_manager.FontProperties(fname=str(path)).get_name())
    _fonts[:] = [name, "DejaVu Sans"]
    return name


@contextmanager
def _grammar(theme: Theme) -> Iterator[None]:
    """Matplotlib's settings are global, so one drawing is made at a time."""
    rules: Any = {
        "font.family": list(_fonts),
        "font.size": LABEL,
        "svg.fonttype": "path",
        "svg.hashsalt": "mrm",
        "text.parse_math": False,
        "text.color": theme.text,
        "axes.labelcolor": theme.secondary,
        "axes.labelsize": LABEL,
        "axes.edgecolor": theme.axis,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "xtick.color": theme.axis,
        "ytick.color": theme.axis,
        "xtick.labelcolor": theme.secondary,
        "ytick.labelcolor": theme.secondary,
        "xtick.labelsize": TICK,
        "ytick.labelsize": TICK,
        "ytick.left": False,
        "path.simplify": False,
    }
    with _drawing, mpl.rc_context(rules):
        yield


def svg(theme_name: str, height: float, paint: Callable[[Figure, Theme], None], width: float = WIDTH) -> str:
    """Let `paint` draw on a figure of `width` by `height` inches and return the SVG text.

    Raises KeyError for a theme other than light and dark.
    """
    theme = THEMES[theme_name]
    with _grammar(theme):
        figure = Figure(figsize=(width, height))
        FigureCanvasSVG(figure)
        paint(figure, theme)
        out = io.StringIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return out.getvalue()


def in_dark(drawing: str) -> str:
    """The light drawing in the inks of the dark ground: the same marks in the same places, drawn once."""
    light, dark = THEMES["light"], THEMES["dark"]
    inks = {getattr(light, each.name): getattr(dark, each.name) for each in fields(Theme)}
    return re.sub("|".join(inks), lambda found: inks[found[0]], drawing)


def text_width(words: str, size: float, weight: str = "normal") -> float:
    """Inches that the words take on one line."""
    font = font_manager.FontProperties(family=list(_fonts), size=size, weight=weight)
    return float(text_to_path.get_text_width_height_descent(words, font, False)[0]) / 72


def folded(words: str, size: float, room: float) -> str:
    """The words over as many lines as it takes to stay within `room` inches; a longer word keeps its own line."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)


def number(value: float, decimals: int = 2) -> str:
    """A number with a true minus sign; negative zero is zero."""
    text = f"{value:,.{decimals}f}"
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else MINUS + text[1:]
    return text


def bound(value: float, limits: tuple[float, ...]) -> str:
    """A bound to two decimals, three if it lies below a limit that it would round to."""
    for limit in limits:
        if value < limit and math.isclose(round(value, 2), limit):
            return number(value, 3)
    return number(value)


def percent(value: float) -> str:
    """A share as a percentage with one decimal."""
    return f"{number(100 * value, 1)} %"
