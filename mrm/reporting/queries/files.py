"""The files embedded in a report: every list in full, every figure as drawn."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from mrm.core import blobs
from mrm.core.canonical import canonical
from mrm.core.sheets import safe

_RESULT = (
    "measure",
    "attribute",
    "group",
    "reference",
    "value",
    "lower",
    "upper",
    "n",
    "status",
    "threshold_text",
    "reason",
    "method",
)


def file(name: str, content: bytes, description: str, relationship: str) -> dict[str, Any]:
    """One embedded file; `relationship` in the words of PDF/A-3: Source, Data or Supplement."""
    return {"name": name, "content": content, "description": description, "relationship": relationship}


def content_file(content: dict[str, Any]) -> dict[str, Any]:
    """The content itself, whose SHA-256 is the digest on the cover."""
    return file(
        "content.json",
        canonical(content),
        "Everything this report says; its SHA-256 is the digest on the cover",
        "Source",
    )


def results_file(runs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Every result of the runs, as CSV."""
    return file(
        "results.csv", table(_results(runs)), "Every evaluation result with interval, limits and status", "Data"
    )


def figure_files(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every figure of the runs, as it was drawn."""
    return [
        file(f"{run['ref']}-{figure['name']}.svg", blobs.read(figure["sha256"]), figure["title"], "Supplement")
        for run in runs
        for figure in run["figures"]
    ]


def table(rows: Iterable[Iterable[Any]]) -> bytes:
    """Rows as CSV; text that a spreadsheet would run as a formula is made harmless."""
    target = io.StringIO()
    csv.writer(target).writerows([[safe(value) for value in row] for row in rows])
    return target.getvalue().encode()


def _results(runs: Iterable[dict[str, Any]]) -> Iterator[list[Any]]:
    yield ["run", *_RESULT]
    for run in runs:
        for result in run["results"]:
            yield [run["ref"], *(result[name] for name in _RESULT)]
