"""Candidates of a search for a less discriminatory alternative, by performance and by the lowest impact ratio."""

from __future__ import annotations

from matplotlib.figure import Figure as Drawing

from mrm.measures import charts
from mrm.measures.charts.theme import LABEL, NOTE, WIDTH, Theme, number, svg
from mrm.measures.fairness.search import Candidate, Search
from mrm.measures.figures import Figure

_TALL = 3.3


def alternatives_figure(found: Search) -> Figure:
    """The front of what cannot be bettered in both; every candidate is in the table, also those that could not be fitted."""
    primary = str(found.rules["primary"])
    light = _drawn(found, primary)
    header = ("No.", "Kind", "What differs", "Cut-off", "AUC", "Lower", "Upper", "Lowest ratio", "Within tolerance", "On the front",
              "Proposed", "Why")  # fmt: skip
    rows = tuple(_row(each, primary) for each in found.candidates)
    chosen = found.candidates[found.chosen]
    tolerance = found.rules["tolerances"][primary]
    alt = (
        f"{len(found.candidates)} candidates, {sum(each.within for each in found.candidates)} within {tolerance:g} of the model's AUC."
        f" Proposed: {chosen.said} The numbers are in the table below."
    )
    return Figure("alternatives", "Less discriminatory alternatives", light, charts.in_dark(light), alt, header, rows)


def _drawn(found: Search, primary: str) -> str:
    told = [each for each in found.candidates if each.performance and each.lowest is not None]
    baseline = found.candidates[0]

    def paint(figure: Drawing, inks: Theme) -> None:
        axes = figure.add_axes((0.62 / WIDTH, 0.5 / _TALL, 1 - 1.9 / WIDTH, 1 - 0.95 / _TALL))
        front = sorted(_at(each, primary) for each in told if each.on_front)
        axes.plot([x for x, _ in front], [y for _, y in front], color=inks.axis, linewidth=1.2)
        for each in told:
            x, y = _at(each, primary)
            ink = inks.data if each.within else inks.secondary
            mark = "D" if each is baseline else "o"
            axes.plot([x], [y], mark, color=ink, markersize=7 if each.chosen or each is baseline else 4.5,
                      markerfacecolor=ink if each.within else "none")  # fmt: skip
        if baseline.performance:
            edge = baseline.performance[primary].value - float(found.rules["tolerances"][primary])
            axes.axvline(edge, color=inks.text, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.annotate(
                "tolerance",
                (edge, 1),
                xycoords=("data", "axes fraction"),
                xytext=(2, 3),
                textcoords="offset points",
                fontsize=NOTE,
            )
        named = {baseline.number: "the model as it is", found.chosen: f"proposed, no. {found.chosen}"}
        for each in told:
            if each.number in named:
                axes.annotate(named[each.number], _at(each, primary), xytext=(7, -13 if each is baseline else 6), textcoords="offset points", fontsize=LABEL,
                              fontweight="bold", color=inks.text)  # fmt: skip
        axes.set_xlabel("Area under the ROC curve; filled: within the tolerance; line: front", fontsize=NOTE)
        axes.text(
            0, 1.08, "Lowest impact ratio of any group", transform=axes.transAxes, fontsize=NOTE, color=inks.secondary
        )
        axes.tick_params(axis="y", labelleft=True)

    return svg("light", _TALL, paint)


def _at(each: Candidate, primary: str) -> tuple[float, float]:
    return each.performance[primary].value, each.lowest or 0.0


def _row(each: Candidate, primary: str) -> tuple[object, ...]:
    figure = each.performance.get(primary)
    numbers = (figure.value, figure.lower, figure.upper) if figure else (None, None, None)
    cutoff = None if each.cutoff is None else number(each.cutoff, 4)
    return (str(each.number), each.kind, each.said, cutoff, *numbers, each.lowest, _yes(each.within), _yes(each.on_front),
            _yes(each.chosen), each.reason)  # fmt: skip


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"
