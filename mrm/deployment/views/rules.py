"""Pages: by which rules an endpoint serves."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.deployment import queries, services
from mrm.deployment.forms import RulesForm, WantedRulesForm
from mrm.deployment.models import Deployment
from mrm.deployment.views.deployments import find, offers
from mrm.inventory.models import Version


@require_http_methods(["GET", "POST"])
def rules(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The rules as a form that explains each choice, and the wish for them."""
    place = find(request, pk)
    if request.method == "POST":
        form = _form(WantedRulesForm, place, request.POST)
        if form.is_valid():
            wanted = form.cleaned_data | {"version": _first(place, form)}
            services.change_rules(place, actor=account_of(request), **wanted)
            return redirect(place)
        return _asked(request, place, form)
    return _asked(request, place, _form(RulesForm, place, None))


@require_GET
def plan_rules(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What the rules would change, line by line, before anything is sent."""
    place, account = find(request, pk), account_of(request)
    form = _form(RulesForm, place, request.GET)
    if not form.is_valid():
        return _asked(request, place, form)
    shares = services.shares_under(place, _first(place, form))
    planned = services.plan(place, shares, rules=form.cleaned_data["rules"])
    context = {
        "deployment": place,
        "what": "these rules",
        "plan": planned,
        "posted": [(name, request.GET[name]) for name in form.fields if name in request.GET],
        "action": "deployment:rules",
        "reason_needed": True,
        "release_policy": queries.release_policy(place.model),
        "closed": _closed(place, account) or " ".join(planned.closed),
    }
    return render(request, "deployment/plan.html", context)


def _form(kind: type[RulesForm], place: Deployment, data: object) -> RulesForm:
    current = queries.current(place)
    serves = current is not None and current.version is not None
    open_now: list[Version] = [] if serves else [each["version"] for each in offers(place) if not each["why_not"]]  # type: ignore[misc]
    version = current.version if current and current.version else next(iter(open_now), None)
    return kind(
        data,
        rules=queries.rules_wanted(place),
        ranges=queries.ranges(version) if version else [],
        least=queries.least_of(place.target.environment),
        spares=queries.spares(place),
        versions=None if serves else open_now,
    )


def _first(place: Deployment, form: RulesForm) -> Version | None:
    """The version that serves first, where none does yet."""
    key = form.cleaned_data["version"]
    return get_object_or_404(queries.candidates(place), pk=key) if key else None


def _asked(request: HttpRequest, place: Deployment, form: RulesForm) -> HttpResponse:
    context = {
        "deployment": place,
        "form": form,
        "environment": place.target.environment,
        "closed": _closed(place, account_of(request)),
    }
    return render(request, "deployment/rules.html", context, status=422 if form.errors else 200)


def _closed(place: Deployment, account: Account) -> str | None:
    return (
        account.lacks("deployment.change_rules", place)
        or queries.why_closed(place)
        or queries.why_not_named(place, account)
    )
