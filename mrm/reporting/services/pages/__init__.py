"""From content to the printed page: a template and what it says, by the kind of document."""

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils import timezone

from mrm.reporting.models import Document, DocumentKind
from mrm.reporting.services.pages import bias, bias_summary, compliance, explainability
from mrm.reporting.services.pages.cover import cover
from mrm.reporting.services.pages.words import dated


class Page(NamedTuple):
    """A template, and what it needs beyond the cover, from the content with its days as days."""

    template: str
    context: Callable[[dict[str, Any]], dict[str, Any]]


PAGES = {
    DocumentKind.COMPLIANCE: Page("reporting/printed/compliance.html", compliance.context),
    DocumentKind.BIAS: Page("reporting/printed/bias.html", bias.context),
    DocumentKind.BIAS_SUMMARY: Page("reporting/printed/bias_summary.html", bias_summary.context),
    DocumentKind.EXPLAINABILITY: Page("reporting/printed/explainability.html", explainability.context),
}


def html_of(document: Document, content: dict[str, Any], content_digest: str) -> str:
    """The report as one page for the printer; times are UTC wherever the bank is."""
    with timezone.override(dt.UTC):
        page, said = PAGES[DocumentKind(document.kind)], dated(content)
        return render_to_string(
            page.template, {**cover(document, content_digest), "content": said, **page.context(said)}
        )
