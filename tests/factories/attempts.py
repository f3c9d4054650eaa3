"""Steps that people try, to see whether they may; whatever came of them is undone."""

from collections.abc import Callable

from django.db import transaction

from mrm.core.refusal import Refused


class Undone(Exception):
    """The step was taken, and is taken back."""


def may(step: Callable[[], object]) -> bool:
    """Whether the step is allowed: False when it is refused with a sentence."""
    try:
        with transaction.atomic():
            step()
            raise Undone
    except Undone:
        return True
    except Refused:
        return False
