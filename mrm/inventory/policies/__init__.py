"""Rules of the inventory: who may, which fields are due, and how a rating is computed."""

from mrm.inventory.policies.fields import missing_fields
from mrm.inventory.policies.packs import why_not_pack, why_not_reasons
from mrm.inventory.policies.record import (
    artifact_open,
    label_is_plain,
    may_decommission,
    no_cycle,
    version_open,
)
from mrm.inventory.policies.tiering import Rated, cadence, rate, too_low, unanswered

__all__ = [
    "Rated",
    "artifact_open",
    "cadence",
    "label_is_plain",
    "may_decommission",
    "missing_fields",
    "no_cycle",
    "rate",
    "too_low",
    "unanswered",
    "version_open",
    "why_not_pack",
    "why_not_reasons",
]
