"""Rules of the inventory: who may, which fields are due, and how a rating is computed."""

from mrm.inventory.policies.fields import missing_fields
from mrm.inventory.policies.packs import why_not_pack, why_not_reasons
from mrm.inventory.policies.record import (
    artifact_open,
    endpoint_open,
    label_is_plain,
    may_decommission,
    no_cycle,
    secret_for_scoring,
    version_open,
)
from mrm.inventory.policies.suites import domain_unreadable, why_not_carried_out
from mrm.inventory.policies.tiering import Rated, cadence, rate, too_low, unanswered

__all__ = [
    "Rated",
    "artifact_open",
    "cadence",
    "domain_unreadable",
    "endpoint_open",
    "label_is_plain",
    "may_decommission",
    "missing_fields",
    "no_cycle",
    "rate",
    "secret_for_scoring",
    "too_low",
    "unanswered",
    "version_open",
    "why_not_carried_out",
    "why_not_pack",
    "why_not_reasons",
]
