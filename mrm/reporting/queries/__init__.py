"""Named reads of documents, and the content of a report from the records as they are."""

from mrm.reporting.queries.bom import BILL_TYPE, as_file, bill_name, bill_of_materials
from mrm.reporting.queries.compliance import compliance
from mrm.reporting.queries.contents import ABOUT_A_RUN, CONTENTS, attachments, content_of, offers
from mrm.reporting.queries.records import (
    anybody,
    documents_of,
    documents_on,
    known_digest,
    named,
    reportable_versions,
    visible_to,
    waiting_for,
)

__all__ = [
    "ABOUT_A_RUN",
    "BILL_TYPE",
    "CONTENTS",
    "anybody",
    "as_file",
    "attachments",
    "bill_name",
    "bill_of_materials",
    "compliance",
    "content_of",
    "documents_of",
    "documents_on",
    "known_digest",
    "named",
    "offers",
    "reportable_versions",
    "visible_to",
    "waiting_for",
]
