"""Ask for a report, issue it, say why it was not made, hand it out, tell a true one from another."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from mrm.access import queries as access
from mrm.access.models import Account
from mrm.approval.models import Approval
from mrm.audit.models import Event
from mrm.audit.trail import audited, describe
from mrm.core.actors import Actor, System, permit
from mrm.core.refusal import Refused
from mrm.evaluation.models import Run
from mrm.inventory.models import Version
from mrm.jobs import services as jobs
from mrm.reporting import policies, queries
from mrm.reporting.models import Document, DocumentKind
from mrm.reporting.workflow import FLOW, DocumentState


@dataclass(frozen=True)
class Issue:
    """What is kept of a printed report: the file's digest and size, the content's digest, and what is embedded."""

    sha256: str
    size: int
    pages: int
    content_digest: str
    attachments: list[dict[str, Any]]


@audited("reporting.request", "asked for {subject}")
def request(
    version: Version,
    *,
    actor: Actor,
    kind: str = DocumentKind.COMPLIANCE,
    run: Run | None = None,
    requested_by: Account | None = None,
) -> Document:
    """Ask a worker for a report on a version, or on one of its runs; one of a kind is made at a time."""
    permit(actor, "reporting.request", version)
    version = Version.objects.select_for_update(of=("self",)).select_related("model__unit").get(pk=version.pk)
    if reason := policies.why_not_about(kind, version, run):
        raise Refused(reason)
    if waiting := queries.waiting_for(version, kind, run):
        raise Refused(f"{waiting.ref} of {run or version} is being made already; it will say the same.")
    owner = requested_by or actor
    assert isinstance(owner, Account)
    document = Document.objects.create(kind=kind, version=version, run=run, requested_by=owner)
    document.refresh_from_db()
    jobs.request(
        "reporting.render", label=f"{document.get_kind_display()} {document.ref} of {version}"[:200], subject=document,
        actor=actor, document=str(document.pk),
    )  # fmt: skip
    return document


def file_after_approval(event: Event) -> None:
    """A decision in force gets its report by itself; one asked for since then is enough."""
    approval = Approval.objects.select_related("version__model").filter(pk=event.subject_id).first()
    account = access.accounts().filter(username=event.actor).first()
    if approval is None or account is None:
        return
    reports = approval.version.documents.filter(kind=DocumentKind.COMPLIANCE)
    asked = reports.exclude(status=DocumentState.FAILED)
    if not asked.filter(requested_at__gte=event.at).exists() and not queries.waiting_for(approval.version):
        request(approval.version, actor=System("reporting"), requested_by=account)


@audited("reporting.issue", "issued {subject}: {pages} pages, content digest {digest}")
def issue(document: Document, *, printed: Issue, actor: Actor) -> Document:
    """Put the printed file on record; from here on it never changes."""
    document = _locked(document)
    FLOW.move(document, "issue", actor)
    document.sha256, document.size, document.pages = printed.sha256, printed.size, printed.pages
    document.content_digest, document.attachments = printed.content_digest, printed.attachments
    document.issued_at = timezone.now()
    document.save(update_fields=["status", "sha256", "size", "pages", "content_digest", "attachments", "issued_at"])
    describe(pages=document.pages, digest=f"{document.content_digest[:12]}…", sha256=document.sha256)
    return document


@audited("reporting.fail", "could not make {subject}: {error}")
def fail(document: Document, *, error: str, actor: Actor) -> Document:
    """Keep why a report was not made, in words that say what to do."""
    document = _locked(document)
    FLOW.move(document, "fail", actor)
    document.error = error
    document.save(update_fields=["status", "error"])
    describe(error=error)
    return document


@audited("reporting.download", "downloaded {subject}")
def download(document: Document, *, actor: Account) -> Document:
    """Hand the file out; who took it is on record."""
    permit(actor, "view", document)
    if document.status != DocumentState.ISSUED:
        raise Refused(f"{document.ref} is {document.get_status_display().lower()}; there is no file to download.")
    describe(sha256=document.sha256)
    return document


def verify_file(chunks: Iterable[bytes]) -> tuple[str, Document | None]:
    """The digest of an uploaded file and the issued document that has exactly these bytes; nothing is kept."""
    total = hashlib.sha256()
    for chunk in chunks:
        total.update(chunk)
    return total.hexdigest(), queries.known_digest(total.hexdigest())


def give_up(document_id: str, sentence: str) -> None:
    """Record that a report was not made, unless it ended meanwhile."""
    document = Document.objects.select_related("version__model", "requested_by").get(pk=document_id)
    if document.status == DocumentState.QUEUED:
        fail(document, error=sentence, actor=System("reporting"))


def _locked(document: Document) -> Document:
    rows = Document.objects.select_for_update(of=("self",)).select_related("version__model__unit")
    return rows.get(pk=document.pk)
