"""Named changes to runs; the computing itself is in `carry`, which only workers load."""

from mrm.evaluation.services.run import (
    KINDS,
    LEARNERS,
    MOST_SEGMENTS,
    RUNNABLE,
    SIDES,
    cancel,
    complete,
    fail,
    give_up,
    start,
)

__all__ = ["KINDS", "LEARNERS", "MOST_SEGMENTS", "RUNNABLE", "SIDES", "cancel", "complete", "fail", "give_up", "start"]
