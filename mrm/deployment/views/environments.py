"""Pages: environments with their policy, their freezes, and the people named for them."""

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.pages import account_of
from mrm.core.methods import takes_forms_only
from mrm.deployment import queries, services
from mrm.deployment.forms import EnvironmentForm, FreezeForm, LiftForm, NameForm, PolicyForm
from mrm.deployment.models import DriftPolicy, Environment

FOLLOWS = {
    DriftPolicy.REPORT: "An incident is opened; nothing is changed, so that the evidence stays.",
    DriftPolicy.FREEZE: "An incident is opened, and the endpoint is closed to changes until it is closed.",
    DriftPolicy.HEAL: "An incident is opened, and what is wanted is applied again, three times an hour at most.",
    DriftPolicy.FAILOVER: "An incident is opened, and what ran before takes over, where its approval still holds.",
}


@require_GET
def environments(request: HttpRequest) -> HttpResponse:
    """Every environment, what follows a difference there, and whether it is frozen."""
    account = account_of(request)
    context = {
        "environments": queries.environments_visible_to(account),
        "follows": FOLLOWS,
        "closed": account.lacks("deployment.define_environment", None),
    }
    return render(request, "deployment/environments.html", context)


def _find(request: HttpRequest, pk: uuid.UUID) -> Environment:
    return get_object_or_404(queries.environments_visible_to(account_of(request)), pk=pk)


@require_GET
def environment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One environment: its rules, and what of them the reader may change."""
    return _page(request, _find(request, pk))


def _page(request: HttpRequest, found: Environment, status: int = 200, **bound: object) -> HttpResponse:
    account = account_of(request)
    verbs = ("set_policy", "declare_freeze", "lift_freeze", "name_deployer", "unname_deployer")
    context = {
        "environment": found,
        "follows": FOLLOWS[DriftPolicy(found.drift_policy)],
        "frozen": queries.freeze_now(found),
        "below_least": queries.below_least(found, account),
        "places": queries.targets_visible_to(account).filter(environment=found),
        "why_not": {verb: account.lacks(f"deployment.{verb}", found) for verb in verbs},
        "policy_form": PolicyForm(environment=found),
        "freeze_form": FreezeForm(),
        "lift_form": LiftForm(),
        "name_form": NameForm(),
        **bound,
    }
    return render(request, "deployment/environment.html", context, status=status)


@require_http_methods(["GET", "POST"])
def define_environment(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    form = EnvironmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect(services.define_environment(actor=account, **form.cleaned_data))
    closed = account.lacks("deployment.define_environment", None)
    return render(request, "deployment/define_environment.html", {"form": form, "closed": closed})


@takes_forms_only
def set_policy(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    form = PolicyForm(request.POST, environment=found)
    if not form.is_valid():
        return _page(request, found, status=422, policy_form=form)
    return redirect(services.set_policy(found, actor=account_of(request), **form.cleaned_data))


@takes_forms_only
def declare_freeze(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    form = FreezeForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, freeze_form=form)
    services.declare_freeze(found, actor=account_of(request), **form.cleaned_data)
    return redirect(found)


@takes_forms_only
def lift_freeze(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    freeze = get_object_or_404(queries.freezes_visible_to(account_of(request)), pk=pk)
    form = LiftForm(request.POST)
    if not form.is_valid():
        return _page(request, _find(request, freeze.environment_id), status=422, lift_form=form)
    services.lift_freeze(freeze, actor=account_of(request), **form.cleaned_data)
    return redirect(freeze.environment)


@takes_forms_only
def name_deployer(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, name_form=form)
    return redirect(services.name_deployer(found, actor=account_of(request), **form.cleaned_data))


@takes_forms_only
def unname_deployer(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found = _find(request, pk)
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, name_form=form)
    return redirect(services.unname_deployer(found, actor=account_of(request), **form.cleaned_data))
