import re

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.evaluation.models import Run
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.workflow import VersionState
from mrm.reporting.models import Document, DocumentKind
from mrm.reporting.workflow import DocumentState

_REF = re.compile(r"^R-(\d{4})-(\d{1,12})$", re.IGNORECASE)


def anybody() -> QuerySet[Document]:
    """Every document: verification tells whoever holds a report whether it was issued, and nothing else."""
    return Document.objects.select_related("version__model__unit")


def visible_to(account: Account) -> QuerySet[Document]:
    return Document.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit", "version__model__owner", "requested_by__person", "run"
    )


def documents_of(model: Model, account: Account) -> QuerySet[Document]:
    return visible_to(account).filter(version__model=model)


def reportable_versions(account: Account) -> QuerySet[Version]:
    """Versions of which a report can be asked: those that hold an artifact."""
    return (
        versions_visible_to(account)
        .exclude(artifact=None)
        .exclude(status=VersionState.DRAFT)
        .order_by("model__name", "-created_at")
    )


def waiting_for(version: Version, kind: str = DocumentKind.COMPLIANCE, run: Run | None = None) -> Document | None:
    """The document of that kind about the version or the run that is being made, if one is."""
    waiting = version.documents.filter(status=DocumentState.QUEUED, kind=kind, run=run)
    return waiting.order_by("number").first()


def documents_on(run: Run, account: Account) -> QuerySet[Document]:
    """The documents about one run, newest first."""
    return visible_to(account).filter(run=run)


def named(ref: str) -> Document | None:
    """A document by its printed number, whatever its state."""
    found = _REF.match(ref.strip())
    if found is None:
        return None
    document = anybody().filter(number=int(found[2])).first()
    return document if document and document.requested_at.year == int(found[1]) else None


def known_digest(sha256: str) -> Document | None:
    """The issued document whose file has exactly these bytes."""
    return anybody().filter(sha256=sha256, status=DocumentState.ISSUED).order_by("number").first()
