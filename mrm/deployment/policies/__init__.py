"""Who may deploy, when, and what differs: sentences why not, or None."""

from mrm.deployment.policies.drift import FAILING, HEALABLE, Drift, Kind, Severity, differences
from mrm.deployment.policies.moment import closed_by_incident, frozen, over, reviewed_by_another, still_as_planned
from mrm.deployment.policies.people import applied_before, named, not_a_maker, not_a_signer, records

__all__ = [
    "FAILING",
    "HEALABLE",
    "Drift",
    "Kind",
    "Severity",
    "applied_before",
    "closed_by_incident",
    "differences",
    "frozen",
    "named",
    "not_a_maker",
    "not_a_signer",
    "over",
    "records",
    "reviewed_by_another",
    "still_as_planned",
]
