"""Pages: taking over what already runs at a place, seen first."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.deployment import policies, queries, services
from mrm.deployment.forms import AdoptForm, AdoptionForm
from mrm.deployment.models import Target
from mrm.inventory.queries import models_visible_to


@require_http_methods(["GET", "POST"])
def adopt(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Which endpoint and whose model; then what would be taken over; then the wish for it."""
    account = account_of(request)
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    models = models_visible_to(account).filter(unit__path__startswith=place.unit.path)
    if request.method == "POST":
        wanted = AdoptForm(request.POST, models=models)
        if wanted.is_valid():
            return redirect(services.adopt(target=place, actor=account, **wanted.cleaned_data).deployment)
        return _page(request, place, wanted)
    form = AdoptionForm(request.GET or None, models=models)
    return _page(request, place, form)


def _page(request: HttpRequest, place: Target, form: AdoptionForm) -> HttpResponse:
    account, planned = account_of(request), None
    if form.is_valid() and not isinstance(form, AdoptForm):
        planned = services.plan_adoption(target=place, **form.cleaned_data)
    context = {
        "target": place, "form": form, "plan": planned, "closed": _closed(place, account, planned),
        "release_policy": queries.release_policy(planned.model) if planned else None,
    }  # fmt: skip
    return render(request, "deployment/adopt.html", context, status=422 if form.errors else 200)


def _closed(place: Target, account: Account, planned: services.Adoption | None) -> str | None:
    if planned is None:
        offered = services.offered_by(place)
        return policies.cannot_adopt(place.name, place.connector, offered) or account.lacks("deployment.adopt", None)
    return account.lacks("deployment.adopt", planned.model) or " ".join(planned.closed) or None
