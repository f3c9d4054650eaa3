"""The log on pages: its state, its anchors, its exports."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.assurance import queries, services
from mrm.assurance.forms import DayForm, ExportForm
from mrm.assurance.models import Export, ScopeKind
from mrm.assurance.workflow import ExportState
from mrm.audit.anchoring import anchored
from mrm.audit.integrity import last_replay, open_findings
from mrm.audit.models import Checkpoint
from mrm.audit.queries import of_subject, reads_everything
from mrm.core.downloads import blob_answer
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Forbidden
from mrm.inventory.queries import model_page, models_visible_to
from mrm.jobs.queries import latest_for


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """How far the log is signed and anchored, and what has been taken along of it."""
    account = _auditor(request)
    return render(request, "assurance/log.html", _log_page(request, account, ExportForm()))


@takes_forms_only
def ask(request: HttpRequest) -> HttpResponse:
    account = _auditor(request)
    form = ExportForm(request.POST)
    if not form.is_valid():
        return render(request, "assurance/log.html", _log_page(request, account, form), status=422)
    since = form.cleaned_data["since"] or 0
    scope = form.cleaned_data["scope"]
    return redirect(services.request(scope=scope, since=since if scope == ScopeKind.SINCE else 0, actor=account))


@takes_forms_only
def ask_for(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask for one model's part of the log, from the model's timeline."""
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    return redirect(services.request(scope=ScopeKind.OBJECT, model=model, actor=account))


@require_safe
def as_of(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A model as it was known at the end of a day, put together from the trail."""
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    form = DayForm(request.GET if "on" in request.GET else {"on": timezone.localdate().isoformat()})
    past = queries.model_as_of(model, form.cleaned_data["on"]) if form.is_valid() else None
    context = {**model_page(model, account, "assurance:as_of"), "form": form, "past": past}
    return render(request, "assurance/as_of.html", context, status=422 if form.errors else 200)


@require_safe
def export(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    context = {
        "export": found,
        "progress": _progress(found),
        "downloads": of_subject(found).filter(verb="assurance.download_export"),
        "keys": queries.log_state().keys,
    }
    return render(request, "assurance/export.html", context)


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The progress alone; once the export has ended the page is asked for anew."""
    found = _find(request, pk)
    if found.status != ExportState.QUEUED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "assurance/_progress.html", {"export": found, "progress": _progress(found)})


@require_safe
def download(request: HttpRequest, pk: UUID) -> FileResponse:
    found = services.download(_find(request, pk), actor=account_of(request))
    return blob_answer(found.sha256, size=found.size, filename=f"{found.ref}.zip", content_type="application/zip")


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The last signed checkpoint as the note that verifiers and witnesses read."""
    _auditor(request)
    last = Checkpoint.objects.first()
    if last is None:
        messages.error(request, _("Nothing is signed yet: the sequencer has not run."))
        return redirect("assurance:log")
    answer = HttpResponse(last.note, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="checkpoint-{last.size}"'
    return answer


def _auditor(request: HttpRequest) -> Account:
    account = account_of(request)
    if account.lacks("audit.view", None) or not reads_everything(account):
        raise Forbidden("The log opens to who audits the whole institution; a record's own timeline is open.")
    return account


def _log_page(request: HttpRequest, account: Account, form: ExportForm) -> dict[str, Any]:
    return {
        "state": queries.log_state(),
        "anchors": anchored(),
        "replay": last_replay(),
        "unexplained": open_findings().count(),
        "form": form,
        "page": page_of(request, queries.visible_to(account), 20),
        "lacking": account.lacks("assurance.export", None),
    }


def _find(request: HttpRequest, pk: UUID) -> Export:
    found: Export = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found


def _progress(found: Export) -> dict[str, Any] | None:
    if found.status != ExportState.QUEUED:
        return None
    job = latest_for(found)
    if job is None or job.state == "queued":
        return {"word": _("Waits for a worker"), "icon": "hourglass", "sub": job.error if job else "", "value": None}
    value = round(100 * job.done / job.total) if job.total else None
    return {"word": _("Being made"), "icon": "loader-2", "sub": job.stage, "value": value}
