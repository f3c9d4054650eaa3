"""Which tables are governed, and the few that are not, each with its reason."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import models

from mrm.audit.models import Governed

UNGOVERNED = {
    "audit.Event": "is the trail: append-only by its own triggers and grants",
    "audit.Change": "is the trail: written by the capture trigger alone",
    "audit.Undispatched": "is the outbox of the trail: rows leave it when their reactions have run",
    "audit.Pending": "waits for the sequencer, which alone takes it out",
    "audit.Leaf": "is the log: written once by the sequencer, whose database role alone may",
    "audit.Subtree": "is the log: the hashes above the leaves",
    "audit.Checkpoint": "is the log: its states as they were signed",
    "audit.LogKey": "is the log: the public keys that signed it",
    "audit.Anchor": "is the log: what witnesses of its states gave",
    "audit.AnchorState": "says how the last attempts to anchor went: a note of the sequencer, not evidence",
    "audit.Disclosure": "is the sealed value behind a commitment: the commitment in the log is its guard",
    "audit.SchemaChange": "is the record of commands on the schema: an event trigger alone writes it",
    "deployment.Breaker": "is the state of a connection: what was tried at a place, and how it ended, are operations",
    "deployment.Look": "is the clock of looking: what a look finds that is new is audited by the service it calls",
    "discovery.Call": "is the number of a call that was heard, kept for the minutes in which it could be sent again",
    "discovery.Glimpse": "says when a sighting was last in a listing",
    "discovery.Listing": "says how far a listing came",
    "prediction.Hour": "is a count of the prediction log, kept with its rows in one transaction",
    "prediction.Prediction": "is the prediction log: append-only by its own triggers and grants, and sealed day by day",
    "prediction.TakenFile": "is the prediction log: which files were taken in, append-only by its own triggers",
    "jobs.Job": "is progress, not a decision: what a job does is audited by the service it calls",
}


def own_models() -> Iterator[type[models.Model]]:
    """Every concrete model of the project, automatic many-to-many tables included."""
    for model in apps.get_models(include_auto_created=True):
        if model.__module__.startswith("mrm.") or _owner(model).startswith("mrm."):
            yield model


def governed_models() -> list[type[models.Model]]:
    return [model for model in own_models() if issubclass(model, Governed)]


def forgotten() -> list[str]:
    """Models that are neither governed nor excused."""
    return [
        model._meta.label
        for model in own_models()
        if not issubclass(model, Governed) and model._meta.label not in UNGOVERNED
    ]


def _owner(model: type[models.Model]) -> str:
    created_by: Any = model._meta.auto_created
    return created_by.__module__ if isinstance(created_by, type) else ""
