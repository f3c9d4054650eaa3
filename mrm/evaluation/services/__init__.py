"""Named changes to runs; the computing itself is in `carry`, which only workers load."""

from mrm.evaluation.services.run import cancel, complete, fail, give_up, start

__all__ = ["cancel", "complete", "fail", "give_up", "start"]
