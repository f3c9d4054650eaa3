"""The trail as pages: the whole of it for auditors, one event for whoever sees its record."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from mrm.audit import queries, reading
from mrm.audit.forms import TrailFilter
from mrm.audit.models import Event
from mrm.audit.pages import LongList
from mrm.core.actors import permit
from mrm.core.refusal import Forbidden, Refused


@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    account: Any = request.user
    permit(account, "audit.view", None)
    if not queries.reads_everything(account):
        raise Forbidden("The whole trail opens to who audits the whole institution; a record's own timeline is open.")
    form = TrailFilter(request.GET)
    conditions = form.conditions()
    total = None if conditions else queries.trail_size()
    page = LongList(queries.trail(**conditions), 50, total).get_page(request.GET.get("page"))
    return render(
        request,
        "audit/timeline.html",
        {"form": form, "page": page, "days": reading.days(page), "filtered": bool(conditions)},
    )


@require_safe
def event(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _readable(request, pk)
    near = queries.neighbours(found)
    (entry,) = reading.entries([found])
    context = {
        "event": found,
        "entry": entry,
        "before": near.get(found.object_seq - 1),
        "after": near.get(found.object_seq + 1),
        "place": queries.place_of(found),
        "as_written": queries.is_as_written(found),
        "details": {name: value for name, value in found.details.items() if name != "reasons"},
        "reads_trail": queries.reads_everything(request.user),
    }
    return render(request, "audit/event.html", context)


@require_safe
def event_json(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The exact bytes that were hashed."""
    found = _readable(request, pk)
    answer = HttpResponse(bytes(found.payload), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="event-{found.position}.json"'
    return answer


@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The event's receipt as a file; while it waits for its place, the page asks again by itself."""
    found = _readable(request, pk)
    text = queries.receipt_of(found)
    if text is None:
        raise Refused("The event waits for its place in the log; that takes about a second while the sequencer runs.")
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="event-{found.position}.tlog-proof"'
    return answer


@require_safe
def place(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the event stands in the log, as a part of its page that renews itself until it stands somewhere."""
    found = _readable(request, pk)
    return render(request, "audit/_place.html", {"event": found, "place": queries.place_of(found)})


def _readable(request: HttpRequest, pk: UUID) -> Event:
    found = get_object_or_404(Event, pk=pk)
    if not queries.readable_by(found, request.user):
        raise Http404
    return found
