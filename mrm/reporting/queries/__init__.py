"""Named reads of documents, and the content of a report from the records as they are."""

from mrm.reporting.queries.content import attachments, compliance
from mrm.reporting.queries.records import (
    anybody,
    documents_of,
    known_digest,
    named,
    reportable_versions,
    visible_to,
    waiting_for,
)

__all__ = [
    "anybody",
    "attachments",
    "compliance",
    "documents_of",
    "known_digest",
    "named",
    "reportable_versions",
    "visible_to",
    "waiting_for",
]
