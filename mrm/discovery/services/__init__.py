"""What changes sightings and findings."""

from mrm.discovery.services.calling import hear, set_caller, too_many
from mrm.discovery.services.listing import ask_for_listing, ask_for_listings, list_anew, list_place, note_failure
from mrm.discovery.services.settling import close_finding, confirm, dismiss

__all__ = [
    "ask_for_listing",
    "ask_for_listings",
    "close_finding",
    "confirm",
    "dismiss",
    "hear",
    "list_anew",
    "list_place",
    "note_failure",
    "set_caller",
    "too_many",
]
