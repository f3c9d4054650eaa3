"""Pages: the places at which models run, and whether they answer."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.pages import account_of
from mrm.access.queries import units_within
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Forbidden
from mrm.deployment import queries, services
from mrm.deployment.forms import TargetForm
from mrm.inventory.views.panels import drawn


@require_http_methods(["GET", "POST"])
def add_target(request: HttpRequest) -> HttpResponse:
    """Name a serving place: first its kind is chosen, then the form asks for what that kind needs."""
    account = account_of(request)
    kind = queries.kind_of(request.GET.get("connector", ""))
    if closed := account.lacks("deployment.add_target", None):
        if request.method == "POST":  # the form would tell which secrets there are
            raise Forbidden(closed)
        return render(request, "deployment/choose_kind.html", {"kinds": queries.kinds(), "closed": closed})
    if kind is None:
        return render(request, "deployment/choose_kind.html", {"kinds": queries.kinds()})
    units = units_within(account.units_for("deployment.add_target"))
    form = TargetForm(request.POST or None, kind=kind.connector, units=units)
    if request.method == "POST" and form.is_valid():
        facts = dict(form.cleaned_data)
        environment = facts.pop("environment").key
        target = services.add_target(connector_id=kind.id, environment=environment, actor=account, **facts)
        return redirect(target)
    return render(request, "deployment/add_target.html", {"form": form, "kind": kind})


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
    settings = queries.told_settings(place.connector, place.config)
    context = {"target": place, "deployments": served, "closed": closed, "panels": panels, "settings": settings}
    return render(request, "deployment/target.html", context)


@takes_forms_only
def check_target(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    return redirect(services.check_target(place, actor=account))
