"""What an evaluation came to, as a whole and by kind of test."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from mrm.measures.figures import Figure
from mrm.measures.results import Result


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind of run adds: results, figures, and sentences on what was left out and why.

    `undone` maps the id of a test that could not be done to the reason.
    """

    results: list[Result] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    crosscheck: dict[str, Any] = field(default_factory=dict)
    explanation: dict[str, Any] = field(default_factory=dict)
    undone: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Results, figures, the explanation's summary, the second opinion, and what all of it rests on.

    Figures have name, title, light and dark SVG, alt, header and rows. Explanation and second
    opinion are empty if there is none; `notes` are sentences on what was left out and why.
    """

    results: tuple[Result, ...]
    figures: tuple[dict[str, Any], ...]
    explanation: dict[str, Any]
    crosscheck: dict[str, Any]
    pins: dict[str, Any]
    summary_digest: str
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "results": [each.as_dict() for each in self.results],
            "figures": list(self.figures),
            "explanation": self.explanation,
            "crosscheck": self.crosscheck,
            "pins": self.pins,
            "summary_digest": self.summary_digest,
            "notes": list(self.notes),
        }

    def digest(self) -> str:
        """SHA-256 of the outcome's JSON, in hex."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()
