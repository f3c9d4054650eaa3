"""Named reads of the log, in the database and in the archive."""

from mrm.prediction.queries.counts import DayCounts, HourCount, day_counts, last_day
from mrm.prediction.queries.days import archives, days_due, days_kept, of_day
from mrm.prediction.queries.decision import Decision, decisions
from mrm.prediction.queries.extracts import alerts_visible_to, extracts_visible_to, rows_of
from mrm.prediction.queries.finding import (
    VIEW,
    VIEW_INPUTS,
    Found,
    by_request,
    deployments_visible_to,
    shadows_of,
    visible_to,
)
from mrm.prediction.queries.listing import Page, listed
from mrm.prediction.queries.revisions import approved_of, revisions_by_number

__all__ = [
    "VIEW",
    "VIEW_INPUTS",
    "DayCounts",
    "Decision",
    "Found",
    "HourCount",
    "Page",
    "alerts_visible_to",
    "approved_of",
    "archives",
    "by_request",
    "day_counts",
    "days_due",
    "days_kept",
    "decisions",
    "deployments_visible_to",
    "extracts_visible_to",
    "last_day",
    "listed",
    "of_day",
    "revisions_by_number",
    "rows_of",
    "shadows_of",
    "visible_to",
]
