"""The states of a sighting and of a finding about one."""

from django.db import models

from mrm.core.workflow import Move, Workflow
from mrm.discovery import policies


class SightingState(models.TextChoices):
    UNKNOWN = "unknown", "Not in the inventory"
    PROPOSED = "proposed", "To be confirmed"
    MATCHED = "matched", "Matched"
    DISMISSED = "dismissed", "No model"


_S = SightingState
_OPEN = (_S.UNKNOWN, _S.PROPOSED)
SIGHTINGS = Workflow(
    "discovery",
    # other bytes under a known name: what was said of it no longer holds, and the name alone proposes anew
    Move("propose", (_S.UNKNOWN, _S.MATCHED, _S.DISMISSED), _S.PROPOSED),
    Move("recognise", (*_OPEN, _S.DISMISSED), _S.MATCHED),
    Move("confirm", (*_OPEN, _S.DISMISSED), _S.MATCHED, label="Say which version it is"),
    Move("dismiss", _OPEN, _S.DISMISSED, label="Say that it is no model"),
    Move("doubt", (_S.PROPOSED, _S.MATCHED, _S.DISMISSED), _S.UNKNOWN),
)


class FindingState(models.TextChoices):
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


FINDINGS = Workflow(
    "discovery",
    Move("close_finding", (FindingState.OPEN,), FindingState.CLOSED, (policies.over,), label="Close"),
)
