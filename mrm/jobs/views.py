"""Long work as its asker sees it: the list, one piece with its progress, and the way to stop it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.access.pages import account_of, page_of
from mrm.audit.reading import record_url
from mrm.core.methods import takes_forms_only
from mrm.jobs import queries, services
from mrm.jobs.models import Job, JobState

MARKS = {
    JobState.QUEUED: ("off", "hourglass"),
    JobState.RUNNING: ("info", "loader-2"),
    JobState.DONE: ("ok", "circle-check"),
    JobState.FAILED: ("bad", "circle-x"),
    JobState.CANCELLED: ("off", "player-stop"),
}


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    state = request.GET.get("state", "")
    found = queries.visible_to(account_of(request))
    chosen = found.filter(state=state) if state in JobState.values else found
    page = page_of(request, chosen)
    views = [{"label": _("All"), "url": "?", "current": not state}] + [
        {"label": label, "url": f"?state={value}", "current": state == value} for value, label in JobState.choices
    ]
    return render(request, "jobs/jobs.html", {"rows": [_shown(job) for job in page], "page": page, "views": views})


@require_safe
def job(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.visible_to(account), pk=pk)
    subject_url = record_url(found.subject_type, found.subject_id)
    return render(request, "jobs/job.html", {**_shown(found), "subject_url": subject_url})


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The part of a page that is polled while the work goes on."""
    found = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return render(request, "jobs/_progress.html", _shown(found))


@takes_forms_only
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    stopped = services.cancel(get_object_or_404(queries.visible_to(account), pk=pk), actor=account)
    messages.success(request, _("%(work)s is asked to stop.") % {"work": stopped.label})
    return redirect("jobs:job", stopped.pk)


def _shown(job: Job) -> dict[str, object]:
    kind, icon = MARKS[JobState(job.state)]
    value = round(100 * job.done / job.total) if job.state == JobState.RUNNING and job.total else None
    return {"job": job, "kind": kind, "icon": icon, "value": value, "sub": _line(job)}


def _line(job: Job) -> str:
    if job.cancel_requested and job.is_open:
        return _("Asked to stop")
    if job.state == JobState.RUNNING:
        counted = _("%(done)s of %(total)s") % {"done": f"{job.done:,}", "total": f"{job.total:,}"} if job.total else ""
        return ", ".join(part for part in (job.stage, counted) if part)
    if job.state == JobState.QUEUED and job.error:
        return _("Tried %(count)s times; tried again soon. %(error)s") % {"count": job.attempts, "error": job.error}
    return job.error
