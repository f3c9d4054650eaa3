"""Pages: what went wrong at serving places, why, and what became of it."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from mrm.access.pages import account_of, page_of
from mrm.core.methods import takes_forms_only
from mrm.deployment import queries, services
from mrm.deployment.forms import CloseForm, ExplainForm
from mrm.deployment.models import Incident
from mrm.deployment.workflow import INCIDENTS


@require_GET
def incidents(request: HttpRequest) -> HttpResponse:
    """Every incident the reader may see: open ones first, the gravest first."""
    found = queries.incidents_visible_to(account_of(request))
    context = {"page": page_of(request, found), "open": found.filter(status="open").count()}
    return render(request, "deployment/incidents.html", context)


def _find(request: HttpRequest, pk: uuid.UUID) -> Incident:
    return get_object_or_404(queries.incidents_visible_to(account_of(request)), pk=pk)


@require_GET
def incident(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One incident: what was wanted, what was seen, its cause and its end."""
    return _page(request, _find(request, pk))


def _page(request: HttpRequest, found: Incident, status: int = 200, **bound: object) -> HttpResponse:
    account = account_of(request)
    context = {
        "incident": found,
        "offers": INCIDENTS.offered(found, account),
        "why_not_explain": account.lacks("deployment.explain_incident", found),
        "explain_form": ExplainForm(initial={"cause": found.cause}),
        "close_form": CloseForm(),
        **bound,
    }
    return render(request, "deployment/incident.html", context, status=status)


@takes_forms_only
def explain_incident(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    form = ExplainForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, explain_form=form)
    return redirect(services.explain_incident(found, actor=account_of(request), **form.cleaned_data))


@takes_forms_only
def close_incident(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, close_form=form)
    return redirect(services.close_incident(found, actor=account_of(request), **form.cleaned_data))
