"""Asking a model, and judging what it says."""

from collections.abc import Mapping

from mrm.serving import Failover

from .case import Case
from .refusal import MANUAL
from .runtime import CannotScore
from .tensors import Array, finite


class NoAnswer(CannotScore):
    """The model answered, and the answer is none."""

    def __init__(self, message: str, *, telling: bool) -> None:
        # the same rows would meet the same gaps, so nobody is invited to ask again
        super().__init__(503 if telling else 400, message, MANUAL)
        self.telling = telling  # whether it says something about the model, and not about what it was asked


def require_answer(case: Case, taken: Mapping[str, Array]) -> None:
    """No missing or endless number, and none outside the bounds that were set for it."""
    rules = case.endpoint.rules.failover
    version = case.item.variant.version
    for name, array in case.answers:
        if array.dtype.kind == "f" and not finite(array):
            whole = all(finite(each) for each in taken.values() if each.dtype.kind == "f")
            gaps = "" if whole else " for rows with missing or endless numbers"
            raise NoAnswer(f"Version {version} gave no number as {name}{gaps}.", telling=whole)
        if name == rules.output and not _within(array, rules):
            low, high = rules.output_low, rules.output_high
            bounds = " and ".join(
                [*([f"below {low:g}"] if low is not None else []), *([f"above {high:g}"] if high is not None else [])]
            )
            raise NoAnswer(
                f"Version {version} gave a number {bounds.replace(' and ', ' or ')} as {name}.", telling=True
            )


def _within(array: Array, rules: Failover) -> bool:
    low = rules.output_low is None or bool((array >= rules.output_low).all())
    return low and (rules.output_high is None or bool((array <= rules.output_high).all()))
