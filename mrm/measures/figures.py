"""The figures of an evaluation: which charts, from which numbers, each with its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mrm.measures import charts
from mrm.measures.calibration import ReliabilityBin
from mrm.measures.explanation.attributions import Importance
from mrm.measures.fairness import UNKNOWN
from mrm.measures.results import Limits, Result, plain
from mrm.measures.tables import Summary

RATIO_TITLE = "Selection rate relative to the reference group"


@dataclass(frozen=True, slots=True)
class Figure:
    """One chart in both themes, its text alternative, and the table of the numbers drawn."""

    name: str
    title: str
    light: str
    dark: str
    alt: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {key: plain(value) for key, value in asdict(self).items()}


def distribution_figure(summary: Summary, event: str) -> Figure:
    """Score distribution by outcome."""
    spec = summary.spec
    events, others = (tuple(int(n) for n in summary.histogram(label=label)) for label in (1, 0))
    data = charts.Distribution(events, others, spec.cutoff, spec.low, spec.high, event, f"No {event.lower()}")
    middles, _, _ = data.shares()
    factor = max(1, len(events) // 50)
    width = (spec.high - spec.low) / len(middles)
    rows = tuple(
        (round(x - width / 2, 6), round(x + width / 2, 6), sum(events[i * factor : (i + 1) * factor]),
         sum(others[i * factor : (i + 1) * factor]))
        for i, x in enumerate(float(middle) for middle in middles)
    )  # fmt: skip
    header = ("From", "To", data.event_name, data.other_name)
    return drawn("score_distribution", "Score distribution by outcome", charts.draw_distribution, data,
                   charts.describe_distribution(data), header, rows)  # fmt: skip


def calibration_figure(bins: Sequence[ReliabilityBin]) -> Figure:
    """Observed against predicted rate in equal-mass bins."""
    data = [charts.CalibrationPoint(b.predicted, b.observed, b.lower, b.upper, b.n) for b in bins]
    rows = tuple((p.n, p.predicted, p.observed, p.lower, p.upper) for p in data)
    return drawn("calibration", "Observed against predicted rate", charts.draw_calibration, data,
                   charts.describe_calibration(data), ("n", "Predicted", "Observed", "Lower", "Upper"), rows)  # fmt: skip


def bias_figures(results: Sequence[Result], thresholds: Mapping[str, Limits]) -> list[Figure]:
    """Forest plot of the impact ratios, and the rates behind them."""
    ratios = [r for r in results if r.measure == "air" and r.group]
    rates = [r for r in results if r.measure == "selection_rate"]
    out = []
    if ratios:
        out.append(_forest(ratios, thresholds.get("air", {})))
    shown = [r for r in rates if r.value is not None]
    if shown:
        out.append(_rates(shown, rates))
    return out


def stability_figure(results: Sequence[Result], limits: Limits) -> Figure:
    """Population stability index of every column, with the limits."""
    shifts = [each for each in results if each.measure == "psi"]
    data = [charts.Bar(r.group, r.value or 0.0, r.lower, r.upper, status=r.status) for r in shifts]
    lines = tuple(limits[name] for name in ("watch", "fail") if name in limits)
    rows = tuple((r.group, r.n, r.value, r.lower, r.upper, r.detail.get("critical_value"), r.status) for r in shifts)
    header = ("Column", "n", "PSI", "Lower", "Upper", "By chance", "Status")

    def draw(bars: Sequence[charts.Bar], theme: str) -> str:
        return charts.draw_shifts(bars, lines, theme)

    return drawn("stability", "Shift of every column against the reference", draw, data,
                   charts.describe_shifts(data, lines), header, rows)  # fmt: skip


def marks_figure(name: str, title: str, unit: str, results: Sequence[Result], limits: Limits | None) -> Figure:
    """One measure of many columns or variants, with the limits it is judged by."""
    held = [each for each in results if each.value is not None]
    data = [charts.Bar(r.group, r.value or 0.0, r.lower, r.upper, status=r.status) for r in held]
    limits = limits or {}
    lines = tuple(limits[each] for each in ("watch", "fail") if isinstance(limits.get(each), int | float))
    rows = tuple((r.group, r.n, r.value, r.lower, r.upper, r.status) for r in held)

    def draw(bars: Sequence[charts.Bar], theme: str) -> str:
        return charts.draw_marks(bars, lines, unit, theme)

    return drawn(name, title, draw, data, charts.describe_marks(data, lines, unit),
                   ("Name", "n", unit, "Lower", "Upper", "Status"), rows)  # fmt: skip


def lines_figure(
    name: str, title: str, lines: Sequence[charts.Line], axes: tuple[str, str], alt: str,
    shares: tuple[bool, bool] = (True, True),
) -> Figure:  # fmt: skip
    """Curves over one axis, and the points drawn as a table."""
    rows = tuple((line.name, x, y) for line in lines for x, y in zip(line.x, line.y, strict=True))

    def draw(data: Sequence[charts.Line], theme: str) -> str:
        return charts.draw_lines(data, *axes, shares, theme)

    return drawn(name, title, draw, list(lines), alt, ("Curve", *axes), rows)


def importance_figure(found: Sequence[Importance]) -> Figure:
    """Mean absolute contribution of every feature."""
    data = [charts.Bar(each.feature, each.value, each.lower, each.upper) for each in found]
    rows = tuple((each.feature, each.value, each.lower, each.upper, each.share) for each in found)
    return drawn("importance", "What the score depends on", charts.draw_importance, data,
                   charts.describe_importance(data), ("Feature", "Mean |SHAP|", "Lower", "Upper", "Share"), rows)  # fmt: skip


def _forest(ratios: Sequence[Result], limits: Limits) -> Figure:
    rows = tuple(
        charts.ForestRow(r.attribute, r.group, r.n, r.value, r.lower, r.upper, r.status, "" if r.value else r.reason)
        for r in ratios
    )
    references = {r.attribute: r.reference for r in ratios}
    data = charts.Forest(rows, RATIO_TITLE, limits.get("watch"), limits.get("fail"), references)
    header = ("Attribute", "Group", "Reference", "n", "Ratio", "Lower", "Upper", "Adjusted p", "Status")
    table = tuple(
        (
            r.attribute,
            r.group,
            r.reference,
            r.n,
            r.value,
            r.lower,
            r.upper,
            r.detail.get("p_adjusted"),
            r.status,
        )
        for r in ratios
    )
    return drawn("impact_ratio", RATIO_TITLE, charts.draw_forest, data, charts.describe_forest(data), header, table)


def _rates(shown: Sequence[Result], rates: Sequence[Result]) -> Figure:
    data = [
        charts.Bar(
            r.group,
            r.value or 0.0,
            r.lower,
            r.upper,
            note=f"{r.n:,}",
            status=r.status,
            heading=r.attribute,
            last=r.group == UNKNOWN,
        )
        for r in shown
    ]
    header = ("Attribute", "Group", "n", "Favourable", "Rate", "Lower", "Upper", "Remark")
    table = tuple(
        (r.attribute, r.group, r.n, r.detail.get("favourable"), r.value, r.lower, r.upper, r.reason) for r in rates
    )
    return drawn("group_rates", "Favourable decisions by group", charts.draw_rates, data,
                   charts.describe_rates(data), header, table)  # fmt: skip


def drawn(
    name: str, title: str, draw: Callable[[Any, str], str], data: Any, alt: str, header: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> Figure:  # fmt: skip
    """A figure of what `draw` makes of the data on the light ground; for the dark one it is the same in other inks."""
    light = draw(data, "light")
    return Figure(name, title, light, charts.in_dark(light), alt, tuple(header), tuple(rows))
