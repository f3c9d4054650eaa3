"""The figures of a bias evaluation: which charts, from which results, each with the table of what is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mrm.measures import charts
from mrm.measures.evidence import FairnessSettings
from mrm.measures.fairness import UNKNOWN
from mrm.measures.figures import Figure, drawn
from mrm.measures.figures import bias_figures as of_attributes
from mrm.measures.group_curves import density, roc
from mrm.measures.groups import INTERSECTION
from mrm.measures.results import Limits, Result
from mrm.measures.tables import Summary

Hidden = Mapping[str, frozenset[str | None]]
Thresholds = Mapping[str, Limits]
WITHHELD, TOO_SMALL, REFERENCE = "withheld", "too small", "reference"


def bias_figures(
    results: Sequence[Result], summary: Summary, settings: FairnessSettings, hidden: Hidden, thresholds: Thresholds
) -> list[Figure]:
    """Every figure that the results hold numbers for, nothing of a group that is withheld."""
    limits = thresholds.get("air", {})
    out = of_attributes([each for each in results if INTERSECTION not in each.attribute], thresholds)
    for made in (
        _population(results), _sweep(results, summary, limits), density(summary, settings, hidden),
        roc(summary, settings, hidden), _reliability(results), *_intersections(results), *_segments(results, limits),
        _periods(results, limits), _proxies(results), _shares(results),
    ):  # fmt: skip
        if made is not None:
            out.append(made)
    return out


def _population(results: Sequence[Result]) -> Figure | None:
    names = {"outcome_not_known": "Outcome not known", "group_not_known": "Group not known or withheld",
             "too_few_to_conclude": "In groups too small to conclude"}  # fmt: skip
    found = [each for each in results if each.measure in names]
    whole = next((each for each in results if each.measure == "rows_evaluated"), None)
    if whole is None or not whole.n:
        return None
    first = charts.Bar("Rows scored", 1.0, note=f"{whole.n:,}", heading="Everybody", status="info")
    bars = [first] + [
        charts.Bar(names[r.measure], r.value or 0.0, note=f"{r.detail['people']:,}", heading=r.attribute or "Everybody")
        for r in found
    ]
    rows: list[tuple[Any, ...]] = [("", "Rows scored", whole.n, 1.0, None, None, "")]
    rows += [
        (r.attribute, names[r.measure], r.detail["people"], r.value, r.lower, r.upper, r.detail["said"]) for r in found
    ]
    header = ("Attribute", "What", "People", "Share of rows", "Lower", "Upper", "Consequence")
    said = ", ".join(f"{bar.name.lower()} {bar.note} of {bar.heading}" for bar in bars[1:4])
    alt = f"Of {whole.n:,} rows: {said}. The numbers are in the table below."
    return drawn("population", "Who is in the evaluation, and who is not", charts.draw_shares, bars, alt, header, rows)


def _sweep(results: Sequence[Result], summary: Summary, limits: Limits) -> Figure | None:
    found = [r for r in results if r.measure == "air_sweep" and _told(r) and INTERSECTION not in r.attribute]
    if not found:
        return None
    panels = [charts.Panel(_title(name, own[0]), tuple(
        charts.Series(r.group, tuple((p["at"], p["ratio"], p["lower"], p["upper"]) for p in r.detail["points"] if p["ratio"] is not None),
                      lead=r is _lowest(own)) for r in own if any(p["ratio"] is not None for p in r.detail["points"])))
        for name, own in _by_attribute(found)]  # fmt: skip
    approved = sum(cell.n for (_, _, decision), cell in summary.cells.items() if decision) / summary.n
    data = charts.Curves(tuple(panels), "Share of all decided favourably", "Impact ratio, 95 % band", _lines(limits),
                         (approved, f"in force {approved:.0%}"), x_percent=True)  # fmt: skip
    rows = [(r.attribute, r.group, r.reference, p["at"], p["step"], p["ratio"], p["lower"], p["upper"])
            for r in found for p in r.detail["points"]]  # fmt: skip
    header = ("Attribute", "Group", "Reference", "Approval rate", "Cut-off", "Ratio", "Lower", "Upper")
    low = min(found, key=lambda r: r.value or 9.0)
    alt = charts.describe_curves(
        data, [f"Over all cut-offs the lowest impact ratio is {low.value:.2f}, of {low.group}."]
    )
    return drawn("air_by_approval_rate", "Impact ratio at other cut-offs", charts.draw_curves, data, alt, header, rows)


def _reliability(results: Sequence[Result]) -> Figure | None:
    found = [r for r in results if r.measure == "group_ece" and _told(r) and INTERSECTION not in r.attribute]
    found = [r for r in found if r.detail.get("bins")]
    if not found:
        return None
    panels = []
    for name, own in _by_attribute(found):
        worst = max(own, key=lambda r: r.value or 0.0)
        panels.append(charts.Panel(name, tuple(
            charts.Series(r.group, tuple((b["predicted"], b["observed"], b["lower"], b["upper"]) for b in r.detail["bins"]),
                          lead=r is worst, marks=True) for r in own)))  # fmt: skip
    data = charts.Curves(tuple(panels), "Predicted rate, equal-mass bins", "Observed rate, 95 % band",
                         x_percent=True, y_percent=True, diagonal=True)  # fmt: skip
    rows = [(r.attribute, r.group, place, b["n"], b["predicted"], b["observed"], b["lower"], b["upper"])
            for r in found for place, b in enumerate(r.detail["bins"], start=1)]  # fmt: skip
    header = ("Attribute", "Group", "Bin", "n", "Predicted", "Observed", "Lower", "Upper")
    most = max(found, key=lambda r: r.value or 0.0)
    alt = charts.describe_curves(
        data, [f"Farthest from what was predicted is {most.group}, by {most.value:.3f} on average."]
    )
    return drawn(
        "reliability_by_group", "Observed against predicted rate by group", charts.draw_curves, data, alt, header, rows
    )


def _intersections(results: Sequence[Result]) -> Iterator[Figure]:
    """One grid for every pair of attributes."""
    for title in dict.fromkeys(
        r.attribute for r in results if r.attribute.count(INTERSECTION) == 1 and r.measure == "selection_rate"
    ):
        rates = {
            r.group: r for r in results if (r.measure, r.attribute) == ("selection_rate", title) and r.group != UNKNOWN
        }
        ratios = {r.group: r for r in results if (r.measure, r.attribute) == ("air", title) and r.group}
        if not rates:
            continue
        pairs = {name: tuple(name.split(INTERSECTION, 1)) for name in rates}
        cells = {(pairs[name][0], pairs[name][1]): _cell(rate, ratios.get(name)) for name, rate in rates.items()}
        first, second = title.split(INTERSECTION)
        across, down = (sorted({key[place] for key in cells}) for place in (0, 1))
        if len(down) > len(across):
            grid = charts.CellGrid(
                tuple(down), tuple(across), {(b, a): cell for (a, b), cell in cells.items()}, second, first
            )
        else:
            grid = charts.CellGrid(tuple(across), tuple(down), cells, first, second)
        rows = [_pair_row(pairs[name], rate, ratios.get(name)) for name, rate in rates.items()]
        header = (first, second, "n", "Favourable", "Rate", "Ratio", "Lower", "Upper", "Adjusted p", "Status", "Remark")
        name = f"cells_{_slug(first)}_{_slug(second)}"
        alt = charts.describe_cells(grid, "impact ratios")
        yield drawn(name, f"Impact ratio by {first} and {second}", charts.draw_cells, grid, alt, header, rows)


def _segments(results: Sequence[Result], limits: Limits) -> Iterator[Figure]:
    """One forest for every legitimate factor: each group within each segment."""
    found = [r for r in results if r.measure == "segmented_air" and INTERSECTION not in r.attribute]
    for column in dict.fromkeys(r.detail["segment"] for r in found):
        own = [r for r in found if r.detail["segment"] == column]
        lines = [
            charts.ForestRow(f"{r.group}", p["segment"], p.get("n"), p["ratio"] if not p["reason"] else None, p.get("lower"),
                             p.get("upper"), "info" if not p["reason"] else "insufficient", p["reason"])
            for r in own for p in r.detail["points"]
        ]  # fmt: skip
        if not lines:
            continue
        title = f"Impact ratio within like {column.replace('_', ' ')}"
        references = {r.group: r.reference for r in own}
        data = charts.Forest(tuple(lines), title, limits.get("watch"), limits.get("fail"), references)
        rows = [(r.attribute, r.group, r.reference, p["segment"], p.get("n"), p.get("reference_n"), p["ratio"], p.get("lower"),
                 p.get("upper"), p["reason"]) for r in own for p in r.detail["points"]]  # fmt: skip
        header = (
            "Attribute",
            "Group",
            "Reference",
            "Segment",
            "n",
            "n of reference",
            "Ratio",
            "Lower",
            "Upper",
            "Remark",
        )
        yield drawn(
            f"segments_{_slug(column)}", title, charts.draw_forest, data, charts.describe_forest(data), header, rows
        )


def _periods(results: Sequence[Result], limits: Limits) -> Figure | None:
    found = [r for r in results if r.measure == "air_by_period" and _told(r)]
    if not found:
        return None
    names = tuple(dict.fromkeys(sorted(p["period"] for r in found for p in r.detail["points"])))
    panels = []
    for r in found:
        told = [p for p in r.detail["points"] if p["ratio"] is not None]
        line = tuple((float(names.index(p["period"])), p["ratio"], p["lower"], p["upper"]) for p in told)
        control = tuple((float(names.index(p["period"])), p["lower_control"], p["upper_control"]) for p in told
                        if p["lower_control"] is not None)  # fmt: skip
        panels.append(
            charts.Panel(f"{r.attribute}: {r.group}", (charts.Series("", line, lead=True, marks=True),), control)
        )
    data = charts.Curves(tuple(panels), "Period", "Ratio, 95 % band; control limits grey", _lines(limits), names=names)
    rows = [(r.attribute, r.group, r.reference, p["period"], p.get("n"), p.get("reference_n"), p["ratio"], p.get("lower"), p.get("upper"),
             p.get("lower_control"), p.get("upper_control"), "outside" if p["outside"] else p["reason"])
            for r in found for p in r.detail["points"]]  # fmt: skip
    header = ("Attribute", "Group", "Reference", "Period", "n", "n of reference", "Ratio", "Lower", "Upper", "Lower control",
              "Upper control", "Remark")  # fmt: skip
    beyond = [f"{r.group} in {', '.join(r.detail['outside'])}" for r in found if r.detail["outside"]]
    said = (
        f"Outside the control limits: {'; '.join(beyond)}." if beyond else "No period lies outside the control limits."
    )
    return drawn(
        "air_by_period",
        "Impact ratio through time",
        charts.draw_curves,
        data,
        charts.describe_curves(data, [said]),
        header,
        rows,
    )


def _proxies(results: Sequence[Result]) -> Figure | None:
    found = [r for r in results if r.measure in ("proxy_auc", "proxy_auc_all_features")]
    if not found:
        return None
    best: dict[tuple[str, str], Result] = {}
    for r in found:
        key = (r.detail.get("feature") or "All features together", r.attribute)
        if r.value is not None and (key not in best or r.value > (best[key].value or 0.0)):
            best[key] = r
    if not best:
        return None
    features = sorted(
        {key[0] for key in best}, key=lambda name: -max(r.value or 0 for k, r in best.items() if k[0] == name)
    )
    attributes = tuple(dict.fromkeys(key[1] for key in best))
    cells = {key: charts.GridCell(r.value, r.status) for key, r in best.items()}
    grid = charts.CellGrid(tuple(features), attributes, cells, "feature", "best AUC for any group of")
    rows = [(r.attribute, r.group, r.detail.get("feature") or "All features together", r.n, r.value, r.lower, r.upper, r.status, r.reason)
            for r in found]  # fmt: skip
    top = max(best.values(), key=lambda r: r.value or 0.0)
    name = top.detail.get("feature") or "all features together"
    alt = (f"{len(features)} rows of features against {len(attributes)} attributes. The best guess is of {top.attribute} {top.group} by {name},"
           f" AUC {top.value:.2f}. The numbers are in the table below.")  # fmt: skip
    header = ("Attribute", "Group", "Feature", "n", "AUC", "Lower", "Upper", "Status", "Remark")
    return drawn("proxies", "How well features tell the groups apart", charts.draw_cells, grid, alt, header, rows)


def _shares(results: Sequence[Result]) -> Figure | None:
    """The share of each gap that each feature carries, the largest first."""
    found = [r for r in results if r.measure == "disparity_share" and r.value is not None]
    if not found:
        return None
    told = [r for r in found if r.status != "insufficient"] or found
    features = sorted({r.detail["feature"] for r in told}, key=lambda name: -max(
        abs(r.value or 0.0) for r in told if r.detail["feature"] == name))  # fmt: skip
    places = tuple(dict.fromkeys(f"{r.attribute} {r.group}" for r in told))
    cells = {(r.detail["feature"], f"{r.attribute} {r.group}"): charts.GridCell(r.value, r.status) for r in told}
    grid = charts.CellGrid(tuple(features), places, cells, "feature", "share of the score gap of")
    rows = [(r.attribute, r.group, r.reference, r.detail["feature"], r.n, r.detail["difference"], r.value, r.lower, r.upper, r.status, r.reason)
            for r in found]  # fmt: skip
    top = max(told, key=lambda r: r.value or 0.0)
    alt = (f"{len(features)} features against {len(places)} gaps. {top.detail['feature']} carries {100 * (top.value or 0):.0f} % of the gap of"
           f" {top.attribute} {top.group} to {top.reference}. The numbers are in the table below.")  # fmt: skip
    header = (
        "Attribute",
        "Group",
        "Reference",
        "Feature",
        "n",
        "Difference",
        "Share of gap",
        "Lower",
        "Upper",
        "Status",
        "Remark",
    )
    title = "Which features carry the gap of scores"
    return drawn("disparity_shares", title, charts.draw_cells, grid, alt, header, rows)


def _cell(rate: Result, ratio: Result | None) -> charts.GridCell:
    if rate.n is None:
        return charts.GridCell(None, "insufficient", WITHHELD)
    if rate.detail.get("is_reference"):
        return charts.GridCell(None, "info", REFERENCE)
    if ratio is None or ratio.value is None:
        return charts.GridCell(
            None, "insufficient", "no ratio" if ratio and ratio.status == "not_applicable" else TOO_SMALL
        )
    return charts.GridCell(ratio.value, ratio.status)


def _pair_row(names: tuple[str, ...], rate: Result, ratio: Result | None) -> tuple[Any, ...]:
    told = ratio or rate
    numbers = (ratio.value, ratio.lower, ratio.upper, ratio.detail.get("p_adjusted")) if ratio else (None,) * 4
    said = "reference" if rate.detail.get("is_reference") else told.reason
    return (*names, rate.n, rate.detail.get("favourable"), rate.value, *numbers, told.status, said)


def _told(result: Result) -> bool:
    """Whether a curve of it says something: groups too small to conclude from stand in the tables only."""
    return result.value is not None and result.status != "insufficient"


def _by_attribute(results: Sequence[Result]) -> list[tuple[str, list[Result]]]:
    names = dict.fromkeys(r.attribute for r in results)
    return [(name, [r for r in results if r.attribute == name]) for name in names]


def _lowest(results: Sequence[Result]) -> Result:
    return min(results, key=lambda r: r.value if r.value is not None else 9.0)


def _title(name: str, first: Result) -> str:
    return f"{name}, against {first.reference}"


def _lines(limits: Limits) -> tuple[tuple[float, str, bool], ...]:
    found = [(float(limits[name]), f"{limits[name]:.2f} {word}", name == "fail")
             for name, word in (("watch", "watch"), ("fail", "screen")) if isinstance(limits.get(name), int | float)]  # fmt: skip
    return (*found, (1.0, "1.00", False))


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in name.lower())
