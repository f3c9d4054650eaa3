"""Named changes to runs and to what may be run; the work itself is in `carry` and `scanning`, which only workers load."""

from mrm.evaluation.services.permission import (
    give_up_scan,
    grant,
    permit_execution,
    refuse,
    withdraw_permission,
)
from mrm.evaluation.services.run import (
    KINDS,
    LEARNERS,
    MOST_SEGMENTS,
    SIDES,
    cancel,
    complete,
    fail,
    give_up,
    start,
)

__all__ = [
    "KINDS", "LEARNERS", "MOST_SEGMENTS", "SIDES", "cancel", "complete", "fail", "give_up", "give_up_scan", "grant", "permit_execution",
    "refuse", "start", "withdraw_permission",
]  # fmt: skip
