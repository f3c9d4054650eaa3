"""Documents on pages: ask, watch, take along, verify."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.models import Account
from mrm.access.pages import account_of, options_of, page_of
from mrm.audit.queries import of_subject
from mrm.core.downloads import blob_answer, content_answer
from mrm.core.methods import takes_forms_only
from mrm.evaluation.models import Run
from mrm.evaluation.queries import visible_to as runs_visible_to
from mrm.inventory.forms import VersionField
from mrm.inventory.models import Version
from mrm.inventory.queries import model_page, models_visible_to, versions_visible_to
from mrm.inventory.queries.tabs import Panel
from mrm.jobs.queries import latest_for
from mrm.reporting import policies, queries, services
from mrm.reporting.forms import AskForm, VerifyForm
from mrm.reporting.models import Document
from mrm.reporting.workflow import DocumentState


@require_safe
def documents(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    visible = queries.visible_to(account)
    mine = visible.filter(requested_by=account)
    chosen = mine if request.GET.get("whose") == "mine" else visible
    views = [
        {"url": "?", "label": _("All"), "count": visible.count(), "current": chosen is visible},
        {"url": "?whose=mine", "label": _("Yours"), "count": mine.count(), "current": chosen is mine},
    ]
    page = page_of(request, chosen)
    rows = [(entry, _progress(entry)) for entry in page]
    context = {
        "page": page,
        "rows": rows,
        "views": views,
        "form": AskForm(account=account, initial={"version": request.GET.get("version")}),
        "lacking": _lacking(account),
    }
    return render(request, "reporting/documents.html", context)


@require_safe
def find_version(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    return options_of(request, VersionField, queries.reportable_versions(account))


@takes_forms_only
def ask(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = AskForm(request.POST, account=account)
    if not form.is_valid():
        messages.error(request, _("Choose the version that the report is about."))
        return redirect("reporting:documents")
    return redirect(services.request(form.cleaned_data["version"], actor=account))


@takes_forms_only
def ask_for(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for the report of one version, from wherever it is shown."""
    version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
    return redirect(services.request(version, actor=account_of(request)))


@takes_forms_only
def ask_about(request: HttpRequest, pk: UUID, kind: str) -> HttpResponse:
    """Ask for a report on one run, from its page."""
    run = get_object_or_404(runs_visible_to(account_of(request)), pk=pk)
    if kind not in queries.ABOUT_A_RUN:
        raise Http404
    return redirect(services.request(run.version, kind=kind, run=run, actor=account_of(request)))


@takes_forms_only
def again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask once more for what a report that was not made was to be about."""
    found = _find(request, pk)
    account = account_of(request)
    return redirect(services.request(found.version, kind=found.kind, run=found.run, actor=account))


@require_safe
def document(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    same = queries.visible_to(account_of(request)).exclude(pk=found.pk)
    context = {
        "document": found,
        "progress": _progress(found),
        "downloads": of_subject(found).filter(verb="reporting.download"),
        "same": same.filter(content_digest=found.content_digest) if found.content_digest else [],
        "lacking": account_of(request).lacks("reporting.request", found.version),
    }
    return render(request, "reporting/document.html", context)


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The progress alone; once the document has ended the page is asked for anew."""
    found = _find(request, pk)
    if found.status != DocumentState.QUEUED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "reporting/_progress.html", {"document": found, "progress": _progress(found)})


@require_safe
def download(request: HttpRequest, pk: UUID) -> FileResponse:
    found = services.download(_find(request, pk), actor=account_of(request))
    return blob_answer(found.sha256, size=found.size, filename=f"{found.ref}.pdf", content_type="application/pdf")


@require_safe
def bill_of_materials(request: HttpRequest, pk: UUID) -> FileResponse:
    """What a version consists of, for the tools of others."""
    version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
    content = services.bill_of_materials(version, actor=account_of(request))
    return content_answer(content, filename=queries.bill_name(version), content_type=queries.BILL_TYPE)


@require_http_methods(["GET", "POST"])
def verify(request: HttpRequest, ref: str = "") -> HttpResponse:
    """Whether a report is one of ours: by its number, by its file, or both compared."""
    form = VerifyForm(request.POST or None, request.FILES or None, initial={"ref": ref})
    asked, sha256, known = ref, "", None
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data["ref"]
        if upload := form.cleaned_data["file"]:
            sha256, known = services.verify_file(upload.chunks())
    named = queries.named(asked) if asked else None
    context = {"form": form, "asked": asked, "sha256": sha256, "verdict": _verdict(asked, named, sha256, known)}
    return render(request, "reporting/verify.html", context, status=422 if form.errors else 200)


@require_safe
def of_model(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The documents of one model, as a tab of its page."""
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    page = page_of(request, queries.documents_of(model, account))
    newest = queries.reportable_versions(account).filter(model=model).order_by("-created_at").first()
    context = {
        **model_page(model, account, "reporting:of_model"),
        "page": page,
        "rows": [(entry, _progress(entry)) for entry in page],
        "newest": newest,
        "lacking": account.lacks("reporting.request", model),
    }
    return render(request, "reporting/of_model.html", context)


def version_panel(version: Version, _account: Account) -> Panel:
    """What the page of a version hands out for the tools of others."""
    return Panel("reporting/of_version.html", {"version": version, "why_no_bill": policies.why_no_bill(version)})


def run_panel(run: Run, account: Account) -> Panel:
    """What the page of a run shows of reports: those that were made, and those that can be asked for."""
    found = queries.documents_on(run, account)
    lacking = account.lacks("reporting.request", run.version)
    context = {
        "run": run,
        "rows": [(entry, _progress(entry)) for entry in found],
        "offers": queries.offers(run),
        "lacking": lacking,
    }
    return Panel("reporting/of_run.html", context)


def _find(request: HttpRequest, pk: UUID) -> Document:
    found: Document = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found


def _lacking(account: Account) -> str | None:
    return account.lacks("reporting.request", None)


def _progress(found: Document) -> dict[str, Any] | None:
    if found.status != DocumentState.QUEUED:
        return None
    job = latest_for(found)
    if job is None or job.state == "queued":
        return {"word": _("Waits for a worker"), "icon": "hourglass", "sub": job.error if job else "", "value": None}
    value = round(100 * job.done / job.total) if job.total else None
    return {"word": _("Being made"), "icon": "loader-2", "sub": job.stage, "value": value}


def _verdict(asked: str, named: Document | None, sha256: str, known: Document | None) -> dict[str, Any] | None:
    """What is said of a number, a file, or both: issued, or unknown with the reason."""
    if not asked and not sha256:
        return None
    issued = named if named and named.status == DocumentState.ISSUED else None
    if sha256 and asked:
        return _both(asked, issued, known)
    if sha256:
        return _said(
            known,
            _("These are exactly the bytes that were issued."),
            _("No report was issued with these bytes: changed, or not ours."),
        )
    return _said(
        issued,
        _("A report with this number was issued. Compare its content digest with the one on the cover, or the file."),
        _("No report with this number was issued."),
    )


def _both(asked: str, issued: Document | None, known: Document | None) -> dict[str, Any]:
    if issued and known and issued.pk == known.pk:
        return _said(known, _("Number and file belong together: exactly the bytes that were issued."), "")
    if known:
        return _said(None, "", _("The file is the issued %(ref)s, not %(asked)s.") % {"ref": known.ref, "asked": asked})
    if issued:
        return _said(
            None, "", _("%(ref)s was issued, but not with these bytes: the file was changed.") % {"ref": issued.ref}
        )
    return _said(None, "", _("Neither the number nor the file is known."))


def _said(document: Document | None, yes: str, no: str) -> dict[str, Any]:
    return {"document": document, "issued": document is not None, "text": yes if document else no}
