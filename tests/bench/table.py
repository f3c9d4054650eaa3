"""Rows of the benchmark: a value, its goal, and the peer it is measured against."""

import json
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

ROUNDS = 5


@dataclass(frozen=True)
class Row:
    name: str
    value: float
    unit: str
    goal: str
    holds: bool | None
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None


def wants(wanted: list[str], *names: str) -> bool:
    """Whether one of the names holds a word that was asked for; without words everything is wanted."""
    return not wanted or any(word in name for word in wanted for name in names)


def turns(names: Iterable[str], rounds: int) -> list[list[str]]:
    """The names in each round, another one first each time: what is measured is harmed alike by what else runs, and by
    what the one before still does when its turn is over."""
    listed = list(names)
    return [listed[first:] + listed[:first] for first in (number % len(listed) for number in range(rounds))]


def median_ms(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median of several rounds after one to warm up, in milliseconds."""
    work()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def show(rows: list[Row], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    widths = (88, 12, 10, 24, 12, 8, 24, 6)
    head = ("name", "value", "unit", "peer", "peer value", "ratio", "goal", "holds")
    for line in (head, *(_cells(row) for row in rows)):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))


def _cells(row: Row) -> tuple[str, ...]:
    number = f"{row.value:,.2f}"
    peer = "" if row.peer_value is None else f"{row.peer_value:,.2f}"
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    holds = {True: "yes", False: "NO", None: ""}[row.holds]
    return row.name, number, row.unit, row.peer, peer, ratio, row.goal, holds
