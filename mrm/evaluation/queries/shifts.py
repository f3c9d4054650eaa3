"""How far the columns of a run have moved from the reference, one row a column."""

from dataclasses import dataclass
from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries.library import TITLES
from mrm.evaluation.queries.numbers import NONE, interval, shown
from mrm.evaluation.queries.sheet import SEVERITY, SHIFTS, limits_of


@dataclass(frozen=True)
class Shift:
    """One column: its index with interval, what equal populations reach by chance, its distance, and what is new."""

    column: str
    n: int
    index: str
    between: str
    chance: str
    distance: str
    missing: str
    outside: str
    status: str
    reason: str


def shifts(run: Run) -> list[Shift]:
    """Every column and the score, those that moved first; none when stability was not asked for."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in run.results:
        if each["measure"] in SHIFTS:
            found.setdefault(each["group"], {})[each["measure"]] = each
    rows = [_shift(run, column, results) for column, results in found.items() if "psi" in results]
    return sorted(rows, key=lambda row: (SEVERITY.index(row.status), -float(found[row.column]["psi"]["value"] or 0)))


def _shift(run: Run, column: str, results: dict[str, dict[str, Any]]) -> Shift:
    index, limits = results["psi"], limits_of(run, "psi")
    worst = min((each["status"] for each in results.values()), key=SEVERITY.index)
    outside = results.get("out_of_range") or results.get("unseen")
    return Shift(
        column=column,
        n=index["n"],
        index=shown("psi", index["value"], limits),
        between=interval("psi", index, limits),
        chance=shown("psi", index["detail"].get("critical_value")),
        distance=_value(run, results.get("jensen_shannon")),
        missing=_value(run, results.get("missing_change")),
        outside=_value(run, outside),
        status=worst,
        reason="" if worst in {"pass", "info"} else _reason(results, worst),
    )


def _value(run: Run, result: dict[str, Any] | None) -> str:
    return shown(result["measure"], result["value"], limits_of(run, result["measure"])) if result else NONE


def _reason(results: dict[str, dict[str, Any]], worst: str) -> str:
    """Which measures stand at the worst status, and why where they say so."""
    at = [each for each in results.values() if each["status"] == worst]
    said = [each["reason"] for each in at if each["reason"]]
    return said[0] if said else ", ".join(TITLES.get(each["measure"], each["measure"]) for each in at)
