"""Score density and ROC curve by group, in steps so wide that no small number of people can be read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mrm.measures import charts
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness.rank_order import area
from mrm.measures.fairness.scores import towards_unfavourable
from mrm.measures.figures import Figure, drawn
from mrm.measures.groups import by_group, histograms
from mrm.measures.tables import Summary

Hidden = Mapping[str, frozenset[str | None]]
Counts = NDArray[np.int64]
STEPS = 25


def density(summary: Summary, settings: FairnessSettings, hidden: Hidden) -> Figure | None:
    """Share of each group per unit of score; neighbouring steps are joined until each holds enough people."""
    panels, rows = [], []
    for name in summary.spec.attributes:
        series = []
        tables = histograms(summary, (name,))
        for group in by_group(summary, (name,)).known:
            if group.group in hidden[name] or group.n < settings.conclude_n:
                continue
            steps = _joined(tables[group.group].sum(axis=0), summary, settings.suppress_n)
            rows += [
                (name, group.group, low, high, n, n / group.n, n / group.n / (high - low)) for low, high, n in steps
            ]
            points = tuple(((low + high) / 2, n / group.n / (high - low), None, None) for low, high, n in steps)
            series.append((group, points))
        if series:
            first = min(series, key=lambda each: each[0].selection_rate)
            panels.append(
                charts.Panel(name, tuple(charts.Series(g.group, p, lead=g is first[0], step=True) for g, p in series))
            )
    if not panels:
        return None
    cutoff = (summary.spec.cutoff, f"cut-off {summary.spec.cutoff:g}")
    data = charts.Curves(tuple(panels), "Score", "Share per unit of score", at=cutoff, from_zero=True)
    said = f"The cut-off is {summary.spec.cutoff:g}; the group decided favourably least often is drawn in colour."
    header = ("Attribute", "Group", "From", "To", "n", "Share of group", "Density")
    return _made("score_density", "Where the scores of each group lie", data, [said], header, rows)


def roc(summary: Summary, settings: FairnessSettings, hidden: Hidden) -> Figure | None:
    """Share of good against share of bad outcomes favoured as the cut-off moves, for groups with enough of both."""
    panels, rows, said = [], [], []
    good = summary.spec.good_outcome
    for name in summary.spec.attributes:
        series = []
        tables = histograms(summary, (name,))
        for group in by_group(summary, (name,)).known:
            few = group.outcomes < settings.conclude_n or min(group.good, group.bad) < max(1, settings.suppress_n)
            if group.group in hidden[name] or few:
                continue
            table = towards_unfavourable(tables[group.group], summary)
            points = _steps(table[1 + good], table[2 - good], settings.suppress_n)
            found = area(table[1 + good], table[2 - good])
            rows += [(name, group.group, x, y, found[0] if found else None) for x, y, *_ in points]
            series.append((group.group, points, found[0] if found else 1.0))
        if series:
            lowest = min(series, key=lambda each: each[2])
            said.append(f"Of {name}, {lowest[0]} is ranked least well, AUC {lowest[2]:.3f}.")
            panels.append(charts.Panel(name, tuple(
                charts.Series(f"{who} {value:.3f}", points, lead=who == lowest[0]) for who, points, value in series)))  # fmt: skip
    if not panels:
        return None
    data = charts.Curves(tuple(panels), "Bad outcomes favoured", "Good outcomes favoured", x_percent=True,
                         y_percent=True, diagonal=True)  # fmt: skip
    header = ("Attribute", "Group", "Bad favoured", "Good favoured", "AUC")
    return _made("roc_by_group", "How well the score ranks within each group", data, said, header, rows)


def _joined(counts: Counts, summary: Summary, least: int) -> list[tuple[float, float, int]]:
    """(low, high, people) of equal steps of the score, joined upwards until each has `least` people; the last joins the one before."""
    spec, factor = summary.spec, max(1, summary.spec.bins // STEPS)
    width = (spec.high - spec.low) / spec.bins
    used = np.flatnonzero(counts)
    first, last = used[0] // factor * factor, (used[-1] // factor + 1) * factor
    out: list[tuple[float, float, int]] = []
    start, held = int(first), 0
    for place in range(int(first), int(last), factor):
        held += int(counts[place : place + factor].sum())
        if held >= max(1, least):
            end = min(place + factor, spec.bins)
            out.append((round(spec.low + start * width, 9), round(spec.low + end * width, 9), held))
            start, held = end, 0
    if held and out:
        low, _, n = out.pop()
        out.append((low, round(spec.low + min(int(last), spec.bins) * width, 9), n + held))
    return out


def _steps(good: Counts, bad: Counts, least: int) -> tuple[charts.Point, ...]:
    """Points of the curve, each at least `least` people and a twenty-fifth of all after the one before."""
    total = int(good.sum() + bad.sum())
    wanted = max(least, total // STEPS)
    points: list[charts.Point] = [(0.0, 0.0, None, None)]
    held = 0
    for place, n in enumerate((good + bad).tolist()):
        held += n
        left = total - int((good + bad)[: place + 1].sum())
        if held >= wanted and left >= least:
            x, y = float(bad[: place + 1].sum() / bad.sum()), float(good[: place + 1].sum() / good.sum())
            points.append((x, y, None, None))
            held = 0
    return (*points, (1.0, 1.0, None, None))


def _made(
    name: str,
    title: str,
    data: charts.Curves,
    said: list[str],
    header: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
) -> Figure:
    return drawn(name, title, charts.draw_curves, data, charts.describe_curves(data, said), header, rows)
