"""Approvals that no longer stand, as the control plane told them."""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from mrm.core.fields import BadField, an_object, one_of, text

from .kept import Kept, Standing
from .refusal import Refused
from .seal import APPROVAL, Seal

AHEAD = 300.0  # so many seconds the clocks of control plane and gateway may differ
STANDINGS = ("valid", "suspended", "withdrawn", "expired")


class Approvals:
    """The last word on each approval, kept through restarts."""

    def __init__(self, root: Path, seal: Seal) -> None:
        self._kept, self._seal = Kept(root / "approvals.json"), seal
        self._bodies: dict[str, Any] = self._kept.read()
        self._standings = {name: self._read(body) for name, body in self._bodies.items()}

    def fallen(self, approval: str) -> Standing | None:
        """Why the approval does not stand; None while it does."""
        found = self._standings.get(approval)
        return None if found is None or found.valid else found

    def tell(self, approval: str, body: Any) -> Standing:
        """Take a newer word than the last; an older one, sent again, changes nothing back."""
        told, last = self._read(body), self._standings.get(approval)
        if told.approval != approval:
            raise Refused(400, f"The statement is about the approval {told.approval}, sent for {approval}.")
        _require_credible(told, last, time.time())
        self._bodies[approval] = body
        self._kept.write(self._bodies)
        self._standings[approval] = told
        return told

    def all_fallen(self) -> list[Standing]:
        return [found for _, found in sorted(self._standings.items()) if not found.valid]

    def _read(self, body: Any) -> Standing:
        told = an_object(self._seal.content(body, APPROVAL), "The statement")
        return Standing(
            approval=text(told, "approval"),
            standing=one_of(told, "standing", STANDINGS),
            at=_moment(text(told, "at")),
            reason=text(told, "reason", ""),
        )


def _require_credible(told: Standing, last: Standing | None, now: float) -> None:
    """Clocks that differ leave nothing standing that fell: a word from the future is not believed, nor stands in the way."""
    if told.valid and told.at > now + AHEAD:
        raise Refused(
            409,
            f"The word on the approval {told.approval} is dated ahead of this gateway's clock: set the clocks right.",
        )
    if last is None or told.at >= last.at or (not told.valid and last.at > now + AHEAD):
        return
    raise Refused(409, f"There is a newer word on the approval {told.approval}.")


def _moment(value: str) -> float:
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadField("The field at must be an ISO time with its zone, such as 2026-01-31T12:00:00+00:00.")
    return at.timestamp()
