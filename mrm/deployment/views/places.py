"""Pages: the places at which models run, and whether they answer."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.pages import account_of
from mrm.access.queries import units_within
from mrm.core.methods import takes_forms_only
from mrm.deployment import queries, services
from mrm.deployment.forms import TargetForm
from mrm.inventory.views.panels import drawn


@require_http_methods(["GET", "POST"])
def add_target(request: HttpRequest) -> HttpResponse:
    """Name a serving place."""
    account = account_of(request)
    form = TargetForm(request.POST or None, units=units_within(account.units_for("deployment.add_target")))
    if request.method == "POST" and form.is_valid():
        facts = dict(form.cleaned_data)
        environment = facts.pop("environment").key
        target = services.add_target(
            connector_id=facts.pop("connector"), environment=environment, actor=account, **facts
        )
        return redirect(target)
    closed = account.lacks("deployment.add_target", None)
    return render(request, "deployment/add_target.html", {"form": form, "closed": closed})


@require_GET
def targets(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    context = {"targets": queries.targets_visible_to(account), "may_add": account.may("deployment.add_target")}
    return render(request, "deployment/targets.html", context)


@require_GET
def target(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    served = queries.visible_to(account).filter(target=place)
    closed = account.lacks("deployment.check_target", place)
    panels = drawn(request, queries.place_panels(place, account))
    context = {"target": place, "deployments": served, "closed": closed, "panels": panels}
    return render(request, "deployment/target.html", context)


@takes_forms_only
def check_target(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    return redirect(services.check_target(place, actor=account))
