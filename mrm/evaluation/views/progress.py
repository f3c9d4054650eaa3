"""What the pages of runs and comparisons have in common: where the work stands, drawings as stored, files to take along."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from mrm.core import blobs
from mrm.core.downloads import content_answer
from mrm.evaluation import queries
from mrm.evaluation.models import Comparison, Run
from mrm.jobs.models import Job
from mrm.jobs.queries import latest_for

# a drawing is shown through an image element and runs nothing, opened by itself it runs nothing either
DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def drawing(request: HttpRequest, found: Run | Comparison, name: str, theme: str) -> HttpResponse:
    """The drawing as stored, named by its digest, so it may be kept for good."""
    entry = queries.figure_of(found, name)
    if entry is None or theme not in {"light", "dark"}:
        raise Http404
    sha256: str = entry[theme]
    etag = f'"{sha256}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304)
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": DRAWING_POLICY,
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": etag,
    }
    return HttpResponse(blobs.read(sha256), content_type="image/svg+xml", headers=headers)


def table(rows: Iterable[Sequence[Any]], name: str) -> FileResponse:
    """Rows as CSV to take along."""
    target = io.StringIO()
    csv.writer(target).writerows(rows)
    return content_answer(target.getvalue().encode(), filename=name, content_type="text/csv; charset=utf-8")


def progress_of(found: Model) -> dict[str, Any]:
    """Where the work stands, in words: waiting with its place, or running with rows or steps."""
    job = latest_for(found)
    if job is None or job.state == "queued":
        word = _("Waits for a worker")
        sub = (
            _("Tried %(attempts)s times so far. %(error)s") % {"attempts": job.attempts, "error": job.error}
            if job and job.error
            else ""
        )
        return {"word": word, "sub": sub, "icon": "hourglass", "value": None}
    return {"word": _("Running"), "sub": _stage(job), "icon": "loader-2", "value": _share(job)}


def _stage(job: Job) -> str:
    stage = job.stage.capitalize() or _("Starting")
    return f"{stage}: {job.done:,} of {job.total:,}" if job.total > 1 else stage


def _share(job: Job) -> int | None:
    return round(100 * min(job.done, job.total) / job.total) if job.total > 1 else None
