"""One request on its way to an answer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .asking import Asked, reference_of
from .endpoint import Endpoint, Loaded
from .record import Record
from .segment import Found
from .tensors import Array, encode


@dataclass(slots=True)
class Case:
    """What is known of a request so far: who answers it, and why that one."""

    endpoint: Endpoint
    asked: Asked
    id: str
    body: dict[str, Any]
    unit: str | None
    item: Loaded
    probe: bool = False
    large: bool = False
    began: float = field(default_factory=time.perf_counter)
    rows: int = 0
    flags: list[str] = field(default_factory=list)
    reason: str = ""
    found: Found | None = None  # rows outside the segment, once that was looked at
    answers: Sequence[tuple[str, Array]] = ()  # by name

    @property
    def on_backup(self) -> bool:
        return self.item is self.endpoint.backup

    def outputs(self) -> list[dict[str, Any]]:
        return [encode(name, array) for name, array in self.answers]

    def record(self, outcome: str, outputs: Any, reason: str = "") -> Record:
        """What the prediction log keeps of it."""
        seconds = time.perf_counter() - self.began
        return record_of(self, self.item, self.id, seconds, outcome, outputs, self.flags, reason or self.reason)


def record_of(
    case: Case,
    item: Loaded,
    id: str,
    seconds: float,
    outcome: str,
    outputs: Any,
    flags: Sequence[str] = (),
    reason: str = "",
    parent: str = "",
) -> Record:
    """A line about what one version said to one request."""
    policy = "none" if case.probe else case.endpoint.rules.inputs
    given = case.body.get("inputs")
    inputs = reference_of(case.body) if policy == "reference" else given if isinstance(given, list) else []
    return Record(
        id,
        time.time(),
        case.endpoint.beginnings[item.variant.version],
        case.unit,
        case.rows,
        policy,
        inputs,
        outputs,
        int(seconds * 1e6),
        outcome,
        flags,
        reason,
        parent,
    )
