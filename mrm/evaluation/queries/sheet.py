"""One run's results as tables: groups against measures, and measures with their limits."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from mrm.evaluation.models import Run
from mrm.evaluation.queries.library import TITLES, explained_at
from mrm.evaluation.queries.naming import MANY
from mrm.evaluation.queries.numbers import interval, shown
from mrm.measures.registry import MEASURES

CROSS = " × "
UNKNOWN = "Not provided"
SEVERITY = ("fail", "watch", "insufficient", "pass", "info", "not_applicable")
COLUMNS = (
    ("air", "Impact ratio"),
    ("smd", "Score gap, SMD × 100"),
    ("tpr_gap", "Good outcomes favoured, gap"),
    ("actual_to_expected", "Actual to expected"),
)
SHIFTS = frozenset(name for name, test in MEASURES.items() if "stability" in test.kinds)
# of everybody or of features: neither a group's nor the whole run's performance
OF_POPULATION = {"rows_evaluated", "outcome_not_known", "group_not_known", "too_few_to_conclude"}
OF_CANDIDATES = {"alternative_lowest_air", "alternative_confirmed_air"}
OF_FEATURES = {"proxy_auc", "proxy_auc_all_features", "proxy_cramers_v", "mutual_information", "disparity_share"}
# told in rows of their own, beside the sheet
OF_LISTS = {
    "weighted_selection_rate",
    "weighted_air",
    "weighted_tpr_gap",
    "exposure_ratio",
    "skew_at_k",
    "top_k_ratio",
    "ndkl",
}


@dataclass(frozen=True)
class Cell:
    """One measure of one group: value, interval below it, status, and why if there is no value."""

    measure: str
    value: str
    sub: str
    status: str
    url: str = ""
    selected: bool = False

    @property
    def result(self) -> str:
        """The status as the cell component names it."""
        return "insuf" if self.status == "insufficient" else self.status

    @property
    def judged(self) -> bool:
        return self.status in {"fail", "watch", "pass", "insufficient"}


@dataclass(frozen=True)
class GroupRow:
    """One group; `withheld` holds the sentence when it is too small to be shown."""

    group: str
    n: int | None
    rate: str
    cells: tuple[Cell, ...]
    withheld: str = ""

    @property
    def worst(self) -> str:
        return min((cell.status for cell in self.cells), key=SEVERITY.index, default="info")


@dataclass(frozen=True)
class Attribute:
    name: str
    note: str
    rows: tuple[GroupRow, ...]


@dataclass(frozen=True)
class Sheet:
    """Head cells with their limits, and per attribute the groups, problems first."""

    head: tuple[tuple[str, str], ...]
    attributes: tuple[Attribute, ...]
    notes: tuple[str, ...]


def bias_sheet(run: Run, selected: tuple[str, str] = ("", ""), *, crossed: bool = False) -> Sheet | None:
    """Group against measure, of each attribute or of the pairs; None when the run holds no such results."""
    by_place = {(each["attribute"], each["group"], each["measure"]): each
                for each in run.results if each["attribute"] and (CROSS in each["attribute"]) == crossed
                and each["measure"] not in OF_FEATURES | OF_LISTS}  # fmt: skip
    if not by_place:
        return None
    present = [(measure, title) for measure, title in COLUMNS if any(key[2] == measure for key in by_place)]
    head = tuple((title, _limits_text(run, measure)) for measure, title in present)
    names = dict.fromkeys(key[0] for key in by_place)
    attributes = tuple(_attribute(run, name, [measure for measure, _ in present], by_place, selected) for name in names)
    return Sheet(head, attributes, _sources(run))


def chosen_group(run: Run, attribute: str, group: str) -> dict[str, Any] | None:
    """What is known of one group, for the panel beside the figure; the worst group when none is named."""
    if not group:
        attribute, group = _worst_group(run)
    found = {each["measure"]: each for each in run.results if (each["attribute"], each["group"]) == (attribute, group)
             and each["measure"] not in OF_FEATURES | OF_LISTS}  # fmt: skip
    ratio = found.get("air")
    if ratio is None or ratio["n"] is None:
        return None
    return {
        "attribute": attribute,
        "group": group,
        "status": ratio["status"],
        "facts": _group_facts(run, found),
        "measures": sorted((_measure_row(run, each) for each in found.values()), key=_by_severity),
    }


def like_cases(run: Run) -> list[dict[str, Any]]:
    """Groups compared between like cases and through time: one row per group, measure and factor, problems first."""
    wanted = ("common_odds_ratio", "conditional_odds_ratio", "average_marginal_effect", "explained_gap", "unexplained_gap",
              "segmented_air", "air_by_period", "worst_cell_air", *sorted(OF_LISTS))  # fmt: skip
    found = [each for each in run.results if each["measure"] in wanted]
    alone = [each for each in found if CROSS not in each["attribute"] or each["measure"] == "worst_cell_air"]
    rows = [{**_measure_row(run, each), **_place(each)} for each in alone]
    return sorted(rows, key=_by_severity)


def _place(result: dict[str, Any]) -> dict[str, str]:
    detail = result["detail"]
    by = f", by {detail['segment'].replace('_', ' ')}" if detail.get("segment") else ""
    by = f", top {detail['k']:,}" if detail.get("k") else by
    return {"attribute": result["attribute"], "group": result["group"] or detail.get("cell", ""), "by": by}


def measure_rows(run: Run, kind: str) -> list[dict[str, Any]]:
    """Overall measures of a kind with value, interval, limits and status, problems first."""
    wanted = [each for each in run.results if not each["attribute"] and _kind(each["measure"]) == kind]
    rows = [_measure_row(run, each) for each in wanted if each["measure"] not in MANY]
    return sorted(rows, key=_by_severity)


def _by_severity(row: dict[str, Any]) -> int:
    return SEVERITY.index(row["status"])


def _kind(measure: str) -> str:
    """The kind of run that an overall measure comes from."""
    return MEASURES[measure].kinds[0] if measure in MEASURES else "performance"


def _measure_row(run: Run, result: dict[str, Any]) -> dict[str, Any]:
    measure, limits = result["measure"], limits_of(run, result["measure"])
    return {
        "title": TITLES.get(measure, measure),
        "url": explained_at(measure),
        "test": MEASURES[measure].id if measure in MEASURES else "",
        "group": result["group"],
        "measure": measure,
        "value": shown(measure, result["value"], limits),
        "interval": interval(measure, result, limits),
        "n": result["n"],
        "limits": result["threshold_text"],
        "status": result["status"],
        "reason": result["reason"],
        "method": result["method"],
    }


def _attribute(
    run: Run, name: str, measures: list[str], by_place: dict[tuple[str, str, str], Any], selected: tuple[str, str]
) -> Attribute:
    rates = [
        each for (attribute, _, measure), each in by_place.items() if (attribute, measure) == (name, "selection_rate")
    ]
    reference = next((each for each in rates if each["detail"].get("is_reference")), None)
    unknown = next((each for each in rates if each["group"] == UNKNOWN), None)
    groups = [each for each in rates if each is not reference and each is not unknown]
    rows = [_row(run, name, rate, measures, by_place, selected) for rate in groups]
    rows.sort(key=lambda row: (bool(row.withheld), SEVERITY.index(row.worst), row.cells[0].value if row.cells else ""))
    return Attribute(name, _note(reference, unknown), tuple(rows))


def _note(reference: dict[str, Any] | None, unknown: dict[str, Any] | None) -> str:
    if reference is None:
        said = "no group is large enough to compare with"
    else:
        rate = shown("selection_rate", reference["value"])
        said = f"reference {reference['group']}, {reference['n']:,} people, {rate} favourable"
    if unknown is None:
        return f"{said}; none unknown"
    return f"{said}; not provided: withheld" if unknown["n"] is None else f"{said}; {unknown['n']:,} not provided"


def _row(
    run: Run, name: str, rate: dict[str, Any], measures: list[str], by_place: dict[tuple[str, str, str], Any],
    selected: tuple[str, str],
) -> GroupRow:  # fmt: skip
    group = rate["group"]
    if rate["n"] is None:
        return GroupRow(group, None, "", (), rate["reason"])
    url = "?" + urlencode({"attribute": name, "group": group}) + "#drill"
    found = [(measure, by_place.get((name, group, measure))) for measure in measures]
    cells = tuple(_cell(run, measure, each, url, selected == (name, group)) for measure, each in found if each)
    return GroupRow(group, rate["n"], shown("selection_rate", rate["value"]), cells)


def _cell(run: Run, measure: str, result: dict[str, Any], url: str, selected: bool) -> Cell:
    limits = limits_of(run, measure)
    sub = interval(measure, result, limits)
    if result["status"] in {"insufficient", "not_applicable"}:
        sub = result["reason"].rstrip(".")
    value = shown(measure, result["value"], limits)
    return Cell(measure, value, sub, result["status"], url if measure == "air" else "", selected and measure == "air")


def limits_of(run: Run, measure: str) -> tuple[float, ...]:
    """The numbers at which a measure is watched and fails, by the run's suite."""
    entry = run.suite.content["thresholds"].get(measure, {})
    return tuple(entry[name] for name in ("watch", "fail") if isinstance(entry.get(name), int | float))


def _limits_text(run: Run, measure: str) -> str:
    text: str = run.suite.content["thresholds"].get(measure, {}).get("text", "no limit")
    return text


def _sources(run: Run) -> tuple[str, ...]:
    """Where the limits of the shown measures come from, as sentences."""
    said: dict[str, list[str]] = {}
    for measure, title in COLUMNS:
        if source := run.suite.content["thresholds"].get(measure, {}).get("source"):
            said.setdefault(source, []).append(title.split(",")[0])
    return tuple(f"{', '.join(titles)}: {source}" for source, titles in said.items())


def _worst_group(run: Run) -> tuple[str, str]:
    ratios = [each for each in run.results if each["measure"] == "air" and each["n"] is not None and each["group"]
              and CROSS not in each["attribute"]]  # fmt: skip
    worst = min(ratios, key=lambda each: (SEVERITY.index(each["status"]), each["value"] or 9.0), default=None)
    return (worst["attribute"], worst["group"]) if worst else ("", "")


def _group_facts(run: Run, found: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    ratio, rate = found["air"], found["selection_rate"]
    detail = ratio["detail"]
    facts = [
        ("Favourable", f"{detail['favourable']:,} of {ratio['n']:,}, {shown('selection_rate', rate['value'])}"),
        ("Reference", f"{ratio['reference']}: {detail['reference_favourable']:,} of {detail['reference_n']:,}"),
        ("Ratio", _with_interval("calibration_slope", ratio)),
    ]
    if each := found.get("selection_rate_difference"):
        facts.append(("Difference", shown("smd", 100 * each["value"]) + " points"))
    if (each := found.get("shortfall")) and each["value"] is not None:
        people = max(0, round(each["value"]))
        facts.append(("Shortfall", f"{people:,} people fewer than at parity" if people else "none"))
    facts.extend(
        (TITLES[measure].removesuffix(", SMD × 100"), _with_interval(measure, each))
        for measure in ("smd", "tpr_gap", "fpr_gap", "ppv_gap", "actual_to_expected")
        if (each := found.get(measure)) and each["value"] is not None
    )
    if detail.get("p_adjusted") is not None:
        p = detail["p_adjusted"]
        test = (
            f"{detail['test']} {shown('smd', detail['statistic'])}"
            if detail.get("statistic") is not None
            else detail["test"]
        )
        facts.append(("Test", f"{test}; adjusted p {'< 0.001' if p < 0.001 else f'{p:.3f}'}"))
    if ratio["reason"]:
        facts.append(("Remark", ratio["reason"]))
    return facts


def _with_interval(measure: str, result: dict[str, Any]) -> str:
    value, bounds = shown(measure, result["value"]), interval(measure, result)
    return f"{value} ({bounds})" if bounds else value
