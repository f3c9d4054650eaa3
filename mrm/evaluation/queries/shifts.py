"""How far the columns of a run have moved from the reference, one row a column."""

from dataclasses import dataclass
from typing import Any

from mrm.evaluation.models import Run
from mrm.evaluation.queries.numbers import interval, shown
from mrm.evaluation.queries.sheet import SEVERITY, limits_of


@dataclass(frozen=True)
class Shift:
    """One column: its index with interval, what equal populations reach by chance, and its distance."""

    column: str
    n: int
    index: str
    between: str
    chance: str
    distance: str
    status: str
    reason: str


def shifts(run: Run) -> list[Shift]:
    """Every column and the score, those that moved first; none when stability was not asked for."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for each in run.results:
        if each["measure"] in {"psi", "jensen_shannon"}:
            found.setdefault(each["detail"]["feature"], {})[each["measure"]] = each
    rows = [_shift(run, column, results) for column, results in found.items()]
    return sorted(rows, key=lambda row: (SEVERITY.index(row.status), -float(found[row.column]["psi"]["value"] or 0)))


def _shift(run: Run, column: str, results: dict[str, dict[str, Any]]) -> Shift:
    index, distance, limits = results["psi"], results["jensen_shannon"], limits_of(run, "psi")
    worst = min((index["status"], distance["status"]), key=SEVERITY.index)
    return Shift(
        column=column,
        n=index["n"],
        index=shown("psi", index["value"], limits),
        between=interval("psi", index, limits),
        chance=shown("psi", index["detail"]["critical_value"]),
        distance=shown("jensen_shannon", distance["value"], limits_of(run, "jensen_shannon")),
        status=worst,
        reason=index["reason"] if worst == "insufficient" else "",
    )
