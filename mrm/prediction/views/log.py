"""Pages: a day of the log, and what one request was answered by."""

import datetime as dt
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Refused
from mrm.prediction import queries, services
from mrm.prediction.forms import CloseForm, FindForm, LogFilter
from mrm.prediction.workflow import ALERTS


@require_safe
def predictions(request: HttpRequest) -> HttpResponse:
    """A day of the log: counts by the hour, what answered, and the rows."""
    return _page(request, FindForm())


def _page(request: HttpRequest, find: FindForm, **bound: Any) -> HttpResponse:
    account = account_of(request)
    permit(account, queries.VIEW, None)
    form = LogFilter(request.GET or None, account=account)
    given = form.cleaned_data if form.is_valid() else {}
    day = given.pop("on", None) or queries.last_day(account) or timezone.now().date()
    deployment = given.get("deployment")
    page, refused = queries.Page([], ""), ""
    try:
        page = queries.listed(account, day, **given)
    except Refused as refusal:
        refused = str(refusal)
    alerts = [
        (each, ALERTS.offered(each, account)) for each in queries.alerts_visible_to(account).filter(status="open")
    ]
    kept = queries.days_kept()
    context = {
        "form": form,
        "find": find,
        "close_form": CloseForm(),
        "day": day,
        "counts": queries.day_counts(day, account, deployment.pk if deployment else None),
        "page": page,
        "refused": refused,
        "older": f"?{_with(request, before=page.older)}" if page.older else "",
        "alerts": alerts,
        "archived": None if day in kept else queries.archives().filter(day=day).first(),
        # today is followed unless the reader asked for older rows; a button stops it
        "follow": f"{reverse('prediction:tail')}?{_with(request, follow='')}" if request.GET.get("follow") else "",
        "may_follow": day == timezone.now().date() and not given.get("before"),
        "followed": f"?{_with(request, follow='1')}",
        "unfollowed": f"?{_with(request, follow='')}",
        "around": [(word, f"?{_with(request, on=str(day + dt.timedelta(days=by)), before='')}") for word, by in (("Day before", -1), ("Day after", 1))],
        **bound,
    }  # fmt: skip
    wrong = bool(refused or find.errors or (form.is_bound and form.errors))
    return render(request, "prediction/predictions.html", context, status=422 if wrong else 200)


@require_safe
def tail(request: HttpRequest) -> HttpResponse:
    """The newest rows of today, for a page that follows them."""
    account = account_of(request)
    permit(account, queries.VIEW, None)
    form = LogFilter(request.GET, account=account)
    given = {**form.cleaned_data, "before": ""} if form.is_valid() else {}
    given.pop("on", None)
    now = timezone.now()
    context = {"page": queries.listed(account, now.date(), **given), "now": now}
    return render(request, "prediction/_tail.html", context)


def _with(request: HttpRequest, **changed: str) -> str:
    return urlencode({name: value for name, value in (request.GET.dict() | changed).items() if value})


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """From the form to the page of the request."""
    form = FindForm(request.GET)
    if not form.is_valid():
        return _page(request, form)
    on = form.cleaned_data["on"]
    address = reverse("prediction:decision", args=[form.cleaned_data["request"]])
    return redirect(f"{address}?on={on}" if on else address)


@require_safe
def decision(request: HttpRequest, request_id: str) -> HttpResponse:
    """Which version, digest, approval and policy decided this request; archived days are read when the day is given."""
    account = account_of(request)
    permit(account, queries.VIEW, None)
    form = FindForm({"request": request_id, "on": request.GET.get("on", "")})
    if not form.is_valid():
        return _page(request, form)
    found = queries.by_request(request_id, account, on=form.cleaned_data["on"], archived=False)
    if not found.rows and not found.unread:
        form.add_error("request", _nowhere(form.cleaned_data["on"]))
        return _page(request, form, nowhere=True)
    context = {"request_id": request_id, "decisions": queries.decisions(found.rows, account), "unread": found.unread}
    return render(request, "prediction/decision.html", context)


def _nowhere(on: dt.date | None) -> str:
    if on:
        return f"No request of that id was answered on {on}, or it is not open to you."
    oldest = next(iter(queries.days_kept()), None)
    told = f"No request of that id is among the days kept in the database{f', from {oldest}' if oldest else ''}, or it is not open to you."
    return f"{told} For an archived day give the day."


@takes_forms_only
def close_alert(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say what became of an alert about the log."""
    alert = get_object_or_404(queries.alerts_visible_to(account_of(request)), pk=pk)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return _page(request, FindForm(), close_form=form)
    services.close_alert(alert, actor=account_of(request), **form.cleaned_data)
    return redirect("prediction:predictions")
