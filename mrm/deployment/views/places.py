"""Pages: the places at which models run, and whether they answer."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.access.queries import units_within
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Forbidden, Stale
from mrm.deployment import policies, queries, services
from mrm.deployment.forms import ChangeTargetForm, TargetForm
from mrm.deployment.models import Target
from mrm.inventory.views.answers import carried_out
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
    closed, closed_settings = (account.lacks(f"deployment.{verb}", place) for verb in ("check_target", "change_target"))
    panels = drawn(request, queries.place_panels(place, account))
    settings = queries.told_settings(place.connector, place.config)
    context = {
        "target": place, "deployments": served, "closed": closed, "closed_settings": closed_settings, "panels": panels,
        "settings": settings,
    }  # fmt: skip
    return render(request, "deployment/target.html", context)


@require_http_methods(["GET", "POST"])
def change_target(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Other settings for a place: what runs there is said beforehand, and what others changed meanwhile is shown."""
    account = account_of(request)
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    permit(account, "deployment.change_target", place)
    kind = queries.kind_of(place.connector)
    if kind is None:
        closed = f"The connector {place.connector} is not enabled here, so its settings cannot be checked."
        return render(request, "deployment/change_target.html", {"target": place, "closed": closed})
    form = ChangeTargetForm(request.POST or None, kind=kind.connector, target=place)
    try:
        made = carried_out(form, lambda: services.change_target(place, actor=account, **form.cleaned_data))
    except Stale as stale:
        place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
        told = {"stale": stale.reasons, "differences": form.differences(stale)}
        again = ChangeTargetForm.again(form, place, kind.connector)
        return render(request, "deployment/change_target.html", _changing(account, place, again) | told, status=409)
    if made:
        return redirect(made)
    status = 422 if form.errors else 200
    return render(request, "deployment/change_target.html", _changing(account, place, form), status=status)


def _changing(account: Account, place: Target, form: ChangeTargetForm) -> dict[str, object]:
    """How many endpoints there are is told to whoever may change the place; which ones, as far as he sees them."""
    doing, seen = queries.under_way(place), queries.visible_to(account)
    running, backed = ([each.pk for each in found(place)] for found in (queries.running_at, queries.backed_by))
    return {
        "target": place, "form": form, "closed_now": policies.busy(place.name, doing) if doing else "",
        "running": len(running), "running_seen": seen.filter(pk__in=running), "backed": len(backed),
        "backed_seen": seen.filter(pk__in=backed),
    }  # fmt: skip


@takes_forms_only
def check_target(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    place = get_object_or_404(queries.targets_visible_to(account), pk=pk)
    return redirect(services.check_target(place, actor=account))
