"""Pages: dividing the traffic, moving a canary on, and taking a model out under a signature."""

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of, signing_of
from mrm.core.methods import takes_forms_only
from mrm.deployment import queries, services
from mrm.deployment.forms import SignedStopForm, StopForm, TrafficForm, TrafficWantedForm
from mrm.deployment.models import Deployment, VariantRole
from mrm.deployment.views.deployments import find, offers
from mrm.inventory.models import Version

Offers = list[dict[str, object]]


@require_http_methods(["GET", "POST"])
def traffic(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Which version takes which part: the form, and the wish for it."""
    place = find(request, pk)
    found = offers(place, VariantRole.SHADOW)
    if request.method == "POST":
        form = TrafficWantedForm(request.POST, versions=_open(found))
        if form.is_valid():
            services.change_traffic(place, actor=account_of(request), **form.cleaned_data)
            return redirect(place)
        return _asked(request, place, form, found)
    current = queries.current(place)
    shares = queries.shares_of(current) if current else ()
    return _asked(request, place, TrafficForm(versions=_open(found), shares=shares), found)


@require_GET
def plan_traffic(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What the plan would change, version by version, before anything is sent."""
    place, account = find(request, pk), account_of(request)
    found = offers(place, VariantRole.SHADOW)
    form = TrafficForm(request.GET, versions=_open(found))
    if not form.is_valid():
        return _asked(request, place, form, found)
    planned = services.plan(place, form.cleaned_data["shares"], form.cleaned_data["steps"])
    context = {
        "deployment": place,
        "plan": planned,
        "steps": [f"{step / 100:g} %" for step in form.cleaned_data["steps"]],
        "action": "deployment:traffic",
        "posted": [(name, request.GET.get(name, "")) for name in form.fields],
        "release_policy": queries.release_policy(place.model),
        "closed": _closed(place, account) or " ".join(planned.closed),
    }
    return render(request, "deployment/plan.html", context)


def _asked(request: HttpRequest, place: Deployment, form: TrafficForm, found: Offers) -> HttpResponse:
    shut = [offer for offer in found if offer["why_not"]]
    context = {"deployment": place, "form": form, "shut": shut, "closed": _closed(place, account_of(request))}
    return render(request, "deployment/traffic.html", context, status=422 if form.errors else 200)


def _open(found: Offers) -> list[Version]:
    """The versions that may be served."""
    return [offer["version"] for offer in found if not offer["why_not"]]  # type: ignore[misc]


def _closed(place: Deployment, account: Account) -> str | None:
    return (
        account.lacks("deployment.change_traffic", place)
        or queries.why_closed(place)
        or queries.why_not_named(place, account)
    )


@takes_forms_only
def advance(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    place = find(request, pk)
    services.advance(place, actor=account_of(request))
    return redirect(place)


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
def stop(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The kill switch: the statement word for word, and the signature under it."""
    return _under_signature(
        request, find(request, pk), services.compose_stop, services.stop, "deployment/stop.html", services.FRESH
    )


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
def fail_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The way back after the gateway's own fail-over, under a signature as taking out."""
    return _under_signature(
        request, find(request, pk), services.compose_fail_back, services.fail_back, "deployment/fail_back.html",
        services.FRESH,
    )  # fmt: skip


def _under_signature(
    request: HttpRequest,
    place: Deployment,
    compose: Callable[..., tuple[dict[str, Any], str]],
    do: Callable[..., object],
    template: str,
    seconds: int,
) -> HttpResponse:
    """Show what is signed, with its reason, and do it once it is signed."""
    account = account_of(request)
    form = SignedStopForm(request.POST or None)
    if form.is_valid():
        do(place, actor=account, **form.cleaned_data)
        return redirect(place)
    why = StopForm(request.POST or request.GET)
    if not why.is_valid():
        return render(request, "deployment/refused_form.html", {"deployment": place, "form": why}, status=422)
    statement, token = compose(place, actor=account, reason=why.cleaned_data["reason"])
    signing = signing_of(statement, token, form=form, account=account, seconds=seconds)
    return render(request, template, {"deployment": place, **signing}, status=422 if form.errors else 200)
