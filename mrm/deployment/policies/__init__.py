"""Who may deploy, when, and what differs: sentences why not, or None."""

from mrm.deployment.policies.drift import FAILING, HEALABLE, Drift, Kind, Severity, differences
from mrm.deployment.policies.experiment import (
    ended,
    not_comparable,
    not_shown,
    off_schedule,
    salted_before,
    too_small,
    traffic_changed,
    under_experiment,
    wrong_table,
)
from mrm.deployment.policies.moment import closed_by_incident, frozen, over, reviewed_by_another, still_as_planned
from mrm.deployment.policies.people import applied_before, named, not_a_maker, not_a_signer, records
from mrm.deployment.policies.traffic import (
    Share,
    at_step,
    halted,
    no_next_step,
    not_whole,
    place_cannot,
    steps_wrong,
    whole,
)

__all__ = [
    "FAILING",
    "HEALABLE",
    "Drift",
    "Kind",
    "Severity",
    "Share",
    "applied_before",
    "at_step",
    "closed_by_incident",
    "differences",
    "ended",
    "frozen",
    "halted",
    "named",
    "no_next_step",
    "not_a_maker",
    "not_a_signer",
    "not_comparable",
    "not_shown",
    "not_whole",
    "off_schedule",
    "over",
    "place_cannot",
    "records",
    "reviewed_by_another",
    "salted_before",
    "steps_wrong",
    "still_as_planned",
    "too_small",
    "traffic_changed",
    "under_experiment",
    "whole",
    "wrong_table",
]
