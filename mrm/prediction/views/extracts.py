"""Pages: parts of the log as files."""

from uuid import UUID

from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of, page_of
from mrm.core.actors import permit
from mrm.core.downloads import blob_answer
from mrm.core.refusal import Invalid
from mrm.jobs.queries import latest_for
from mrm.prediction import queries, services
from mrm.prediction.forms import ExtractForm
from mrm.prediction.models import Extract, ExtractFormat
from mrm.prediction.workflow import ExtractState

TYPES = {ExtractFormat.PARQUET: "application/vnd.apache.parquet", ExtractFormat.CSV: "text/csv; charset=utf-8"}


@require_http_methods(["GET", "HEAD", "POST"])
def extracts(request: HttpRequest) -> HttpResponse:
    """What was asked for, and the form that asks for more."""
    account = account_of(request)
    permit(account, "prediction.request_extract", None)
    form = ExtractForm(request.POST or None, account=account)
    if form.is_valid():
        facts = form.cleaned_data
        try:
            return redirect(services.request_extract(facts.pop("model"), actor=account, **facts))
        except Invalid as refusal:
            take_refusal(form, refusal)
    context = {"form": form, "page": page_of(request, queries.extracts_visible_to(account))}
    return render(request, "prediction/extracts.html", context, status=422 if form.errors else 200)


@require_safe
def extract(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One file: what it holds, and whether it is made."""
    found = _find(request, pk)
    return render(request, "prediction/extract.html", {"extract": found, "job": latest_for(found)})


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The progress alone; once it has ended the page is asked for anew."""
    found = _find(request, pk)
    if found.status != ExtractState.QUEUED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "prediction/_progress.html", {"extract": found, "job": latest_for(found)})


@require_safe
def download(request: HttpRequest, pk: UUID) -> FileResponse:
    """The file, checked against its digest."""
    found = services.download_extract(_find(request, pk), actor=account_of(request))
    kind = ExtractFormat(found.format)
    return blob_answer(found.sha256, size=found.size, filename=f"{found.ref}.{kind.value}", content_type=TYPES[kind])


def _find(request: HttpRequest, pk: UUID) -> Extract:
    return get_object_or_404(queries.extracts_visible_to(account_of(request)), pk=pk)
