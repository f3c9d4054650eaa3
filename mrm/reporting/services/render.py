"""In the worker: collect, lay out, print, check, issue. The web process never loads this."""

from collections.abc import Callable

from mrm.core import blobs
from mrm.core.actors import System
from mrm.core.canonical import digest
from mrm.core.refusal import Refused
from mrm.reporting import queries
from mrm.reporting.models import Document
from mrm.reporting.services.check import check
from mrm.reporting.services.document import Issue, give_up, issue
from mrm.reporting.services.pages import html_of
from mrm.reporting.services.printing import print_report
from mrm.reporting.workflow import DocumentState

STEPS = 4


def carry_out(document_id: str, progress: Callable[[str, int, int], None]) -> None:
    """Make one report; one that ended before is left as it is, so a second call changes nothing."""
    document = Document.objects.select_related(
        "version__model__unit", "version__model__owner", "version__developer", "version__artifact", "run__suite"
    ).get(pk=document_id)
    if document.status != DocumentState.QUEUED:
        return
    try:
        issue(document, printed=_print(document, progress), actor=System("reporting"))
    except Refused as refusal:
        give_up(document_id, str(refusal))
        raise


def _print(document: Document, progress: Callable[[str, int, int], None]) -> Issue:
    progress("Collecting the record", 0, STEPS)
    content = queries.content_of(document)
    files = queries.attachments(document, content)
    progress("Laying out", 1, STEPS)
    page = html_of(document, content, digest(content))
    progress("Printing", 2, STEPS)
    pdf = print_report(page, files)
    progress("Checking the file", 3, STEPS)
    pages = check(pdf, {entry["name"]: entry["content"] for entry in files})
    blob = blobs.put_bytes(pdf)
    listed = [
        {"name": entry["name"], "description": entry["description"], "size": len(entry["content"])} for entry in files
    ]
    return Issue(blob.sha256, blob.size, pages, digest(content), listed)
