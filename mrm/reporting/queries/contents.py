"""What a document says, by its kind: the same state of the record gives the same content, byte for byte."""

from collections.abc import Callable
from typing import Any, NamedTuple

from mrm.evaluation.models import Run
from mrm.reporting.models import Document, DocumentKind
from mrm.reporting.policies import why_not_about
from mrm.reporting.queries.bias import bias
from mrm.reporting.queries.bias import files as bias_files
from mrm.reporting.queries.bias_summary import bias_summary
from mrm.reporting.queries.bias_summary import files as bias_summary_files
from mrm.reporting.queries.compliance import compliance
from mrm.reporting.queries.compliance import files as compliance_files
from mrm.reporting.queries.explainability import explainability
from mrm.reporting.queries.explainability import files as explainability_files
from mrm.reporting.queries.files import content_file


class Content(NamedTuple):
    """How the content of a kind is read, and which files of it are embedded beside the content itself."""

    read: Callable[[Document], dict[str, Any]]
    files: Callable[[dict[str, Any]], list[dict[str, Any]]]


CONTENTS = {
    DocumentKind.COMPLIANCE: Content(lambda document: compliance(document.version), compliance_files),
    DocumentKind.BIAS: Content(lambda document: bias(_run(document)), bias_files),
    DocumentKind.BIAS_SUMMARY: Content(lambda document: bias_summary(_run(document)), bias_summary_files),
    DocumentKind.EXPLAINABILITY: Content(lambda document: explainability(_run(document)), explainability_files),
}


def _run(document: Document) -> Run:
    assert document.run is not None  # the database holds that a report on a run names it
    return document.run


ABOUT_A_RUN = [kind for kind in DocumentKind if kind != DocumentKind.COMPLIANCE]


class Offer(NamedTuple):
    """A report that a run can have: its kind in words and why it cannot be made, empty if it can."""

    kind: str
    label: str
    closed: str


def offers(run: Run) -> list[Offer]:
    """The reports on a run; a public summary is named only where the run was made for one."""
    found = [Offer(kind, kind.label, why_not_about(kind, run.version, run) or "") for kind in ABOUT_A_RUN]
    return [offer for offer in found if not offer.closed or offer.kind != DocumentKind.BIAS_SUMMARY]


def content_of(document: Document) -> dict[str, Any]:
    """Everything the document rests on; neither the moment of printing nor its own number is part of it."""
    return CONTENTS[DocumentKind(document.kind)].read(document)


def attachments(document: Document, content: dict[str, Any]) -> list[dict[str, Any]]:
    """The files embedded in the document: the content first."""
    return [content_file(content), *CONTENTS[DocumentKind(document.kind)].files(content)]
