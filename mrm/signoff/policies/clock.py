"""The clock of an open stage: it runs from when the stage opened, and stands still while information is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mrm.signoff.policies.evaluate import Verdict
from mrm.signoff.policies.history import HOUR, History


@dataclass(frozen=True)
class Clock:
    """When the open stage is due, whether that has passed, and whether the clock stands still."""

    due: float
    overdue: bool
    paused: bool


def clock(policy: Mapping[str, Any], history: History, verdict: Verdict) -> Clock | None:
    """The clock of the stage now open; none when nothing waits for a signature."""
    hours = {stage["id"]: stage["sla_hours"] for stage in policy["stages"]}
    if verdict.stage not in hours:
        return None
    stood, paused = _stood(history, verdict.since)
    due = verdict.since + hours[verdict.stage] * HOUR + stood
    return Clock(due, history.now >= due and not paused, paused)


def _stood(history: History, since: float) -> tuple[float, bool]:
    """How long the clock stood still since then, each moment once, and whether it does now."""
    stood, last, paused = 0.0, since, False
    for pause in sorted(history.pauses, key=lambda pause: pause.since):
        until = history.now if pause.until is None else min(pause.until, history.now)
        paused = paused or (pause.since <= history.now and (pause.until is None or pause.until > history.now))
        stood += max(0.0, until - max(pause.since, last))
        last = max(last, until)
    return stood, paused
