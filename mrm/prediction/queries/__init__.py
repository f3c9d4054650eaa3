"""Named reads of the log, in the database and in the archive."""

from mrm.prediction.queries.batch import (
    DOWNLOAD_BATCH,
    START_BATCH,
    BatchProgress,
    RowDecision,
    batch_named,
    batch_progress,
    batches_visible_to,
    data_to_score,
    first_environment,
    parts_of,
    row_decisions,
    scorable_versions,
    why_not_go_on,
    why_not_on_these_data,
    why_not_scored_with,
    why_not_there,
)
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
from mrm.prediction.queries.way import Route, range_of, route, why_not_sent

__all__ = [
    "DOWNLOAD_BATCH",
    "START_BATCH",
    "VIEW",
    "VIEW_INPUTS",
    "BatchProgress",
    "DayCounts",
    "Decision",
    "Found",
    "HourCount",
    "Page",
    "Route",
    "RowDecision",
    "alerts_visible_to",
    "approved_of",
    "archives",
    "batch_named",
    "batch_progress",
    "batches_visible_to",
    "by_request",
    "data_to_score",
    "day_counts",
    "days_due",
    "days_kept",
    "decisions",
    "deployments_visible_to",
    "extracts_visible_to",
    "first_environment",
    "last_day",
    "listed",
    "of_day",
    "parts_of",
    "range_of",
    "revisions_by_number",
    "route",
    "row_decisions",
    "rows_of",
    "scorable_versions",
    "shadows_of",
    "visible_to",
    "why_not_go_on",
    "why_not_on_these_data",
    "why_not_scored_with",
    "why_not_sent",
    "why_not_there",
]
