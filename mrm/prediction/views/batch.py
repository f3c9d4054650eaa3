"""Pages: data sets scored as a whole."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import date_format
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.forms import take_refusal
from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.core.actors import permit
from mrm.core.downloads import blob_answer
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid, Refused
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Panel
from mrm.jobs.models import Job, JobState
from mrm.jobs.queries import latest_for
from mrm.prediction import queries, services
from mrm.prediction.forms import BatchForm, RowForm
from mrm.prediction.models import BatchRun, ExtractFormat
from mrm.prediction.views.extracts import TYPES

MOST_VERSIONS, MOST_RUNS = 12, 5


@require_safe
def batches(request: HttpRequest) -> HttpResponse:
    """What was scored, and the versions that may score."""
    account = account_of(request)
    permit(account, queries.VIEW, None)
    context = {
        "page": page_of(request, queries.batches_visible_to(account)),
        "versions": queries.scorable_versions(account)[:MOST_VERSIONS],
        "lacking": account.lacks(queries.START_BATCH, None),
    }
    return render(request, "prediction/batches.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Which data, for which use, under whose rules."""
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    permit(account, queries.VIEW, version)
    form = BatchForm(request.POST or None, account=account, version=version)
    if form.is_valid():
        try:
            return redirect(services.start_batch(version, actor=account, **form.cleaned_data))
        except Invalid as refusal:
            take_refusal(form, refusal)
    return render(
        request, "prediction/batch_start.html", _asked(request, version, form), status=422 if form.errors else 200
    )


def _asked(request: HttpRequest, version: Version, form: BatchForm) -> dict[str, Any]:
    closed = queries.why_not_scored_with(version, version.artifact_id or "", account_of(request))
    return {"version": version, "form": form, "closed": closed, "routes": queries.routes(version, account_of(request))}


def version_panel(version: Version, account: Account) -> Panel:
    """The data sets that the version scored last, and the door to scoring another."""
    lacking = account.lacks(queries.VIEW, version)
    context = {
        "version": version,
        "runs": queries.batches_visible_to(account).filter(version=version)[:MOST_RUNS],
        "closed": lacking or queries.why_not_scored_with(version, version.artifact_id or "", account),
    }
    return Panel("prediction/_of_version.html", context)


@require_safe
def batch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One run: how far it is or how it ended, its parts, and what scored a row."""
    account, run = account_of(request), _find(request, pk)
    asks = "row" in request.GET
    form, found, unread = RowForm(request.GET if asks else None), [], ""
    if form.is_valid():
        try:
            found = queries.row_decisions(run, form.cleaned_data["row"], account)
        except Refused as refusal:
            unread = str(refusal)
    context = _progress(run) | {
        "form": form,
        "found": found,
        "unread": unread,
        "nowhere": asks and form.is_valid() and not found and not unread,
        "page": page_of(request, queries.parts_of(run)),
        "lacks_cancel": account.lacks("prediction.cancel_batch", run),
        "left_there": queries.left_there(run),
        "lacks_download": account.lacks(queries.DOWNLOAD_BATCH, run),
    }
    return render(request, "prediction/batch.html", context)


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The progress alone; once it has ended the page is asked for anew."""
    run = _find(request, pk)
    if not run.is_open:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "prediction/_batch_progress.html", _progress(run))


def _progress(run: BatchRun) -> dict[str, Any]:
    """Where the work stands in words: waiting, or which part and how many rows, and when it should end."""
    job, done = latest_for(run, queries.SCORE), queries.batch_progress(run)
    rows = max(done.rows, job.done if job else 0)
    word, sub = _said(job, f"{rows:,} of {run.rows:,} rows")
    return {"run": run, "done": done, "word": word, "sub": sub, "value": 100 * rows // run.rows}


def _said(job: Job | None, rows: str) -> tuple[str, str]:
    if job is not None and job.state == JobState.RUNNING:
        return "Running", f"{job.stage or 'Starting'}: {rows}"
    if job is not None and job.stage:
        return (
            "Under way at the place",
            f"{job.stage} It is looked at again {date_format(timezone.localtime(job.not_before), 'H:i:s')}.",
        )
    return "Waits for a worker", f"Tried {job.attempts} times so far. {job.error}" if job and job.error else ""


@takes_forms_only
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    run = services.cancel_batch(_find(request, pk), actor=account_of(request))
    messages.success(request, f"{run.ref} is cancelled; no further part is scored.")
    return redirect(run)


@require_safe
def download(request: HttpRequest, pk: UUID) -> FileResponse:
    """The scores, checked against their digest."""
    run = services.download_batch(_find(request, pk), actor=account_of(request))
    kind = TYPES[ExtractFormat.PARQUET]
    return blob_answer(run.output_sha256, size=run.output_size, filename=f"{run.ref}.parquet", content_type=kind)


def _find(request: HttpRequest, pk: UUID) -> BatchRun:
    return get_object_or_404(queries.batches_visible_to(account_of(request)), pk=pk)
