"""What an inspection says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

CLEAN, FLAGGED, UNSCANNABLE = "clean", "flagged", "unscannable"
_WORST = (FLAGGED, UNSCANNABLE, CLEAN)
MOST_SAID = 50  # findings that are kept; what is wrong with the file is clear by then


class Unreadable(Exception):
    """A tool cannot tell; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large what is inspected may be: bytes of the file, bytes unpacked from it, nodes of a graph."""

    size: int
    unpacked: int
    nodes: int


@dataclass(frozen=True, slots=True)
class Look:
    """One tool's look: `findings` are sentences, `facts` what it read; with neither finding nor `unable` it is clean."""

    tool: str
    version: str
    findings: tuple[str, ...] = ()
    unable: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        return FLAGGED if self.findings else UNSCANNABLE if self.unable else CLEAN


@dataclass(frozen=True, slots=True)
class Report:
    """`found` is the format, `tools` who looked with which outcome, `findings` what each of them objects to."""

    found: str
    outcome: str
    tools: tuple[dict[str, str], ...]
    findings: tuple[dict[str, str], ...]
    facts: dict[str, Any]

    @classmethod
    def of(cls, found: str, looks: list[Look]) -> Report:
        outcomes = {look.outcome for look in looks}
        said = [
            {"tool": look.tool, "outcome": look.outcome, "sentence": sentence[:500]}
            for look in looks
            for sentence in (*look.findings, *([look.unable] if look.unable else []))
        ]
        return cls(
            found,
            next(each for each in _WORST if each in outcomes),
            tuple({"name": look.tool, "version": look.version, "outcome": look.outcome} for look in looks),
            tuple(said[:MOST_SAID]),
            {name: value for look in looks for name, value in look.facts.items()},
        )

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def joined(report: dict[str, Any], look: Look) -> dict[str, Any]:
    """The report with one more look in it, by whose outcome it is no better."""
    added = Report.of(report["found"], [look])
    outcomes = {report["outcome"], added.outcome}
    return {
        **report,
        "outcome": next(each for each in _WORST if each in outcomes),
        "tools": [*report["tools"], *added.tools],
        "findings": [*report["findings"], *added.findings][:MOST_SAID],
        "facts": {**report["facts"], **added.facts},
    }
