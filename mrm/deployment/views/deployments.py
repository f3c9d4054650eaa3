"""Pages: what runs where, and how to change it."""

import json
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.core.forms import well_formed
from mrm.core.methods import takes_forms_only
from mrm.deployment import policies, queries, services
from mrm.deployment.forms import CreateForm, DeployForm, PlanForm, RollBackForm
from mrm.deployment.models import Deployment, Revision, Sync
from mrm.deployment.views import pictures
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import models_visible_to
from mrm.inventory.queries.tabs import Panel, model_page
from mrm.jobs.queries import latest_for

SHOWN = 12
VERBS = ("deploy", "change_traffic", "change_rules", "advance", "roll_back", "stop", "refresh")
ORDER = [Sync.DRIFTED, Sync.UNKNOWN, Sync.APPLYING, Sync.IN_SYNC]


@require_GET
def deployments(request: HttpRequest) -> HttpResponse:
    """Every endpoint, what differs first."""
    account = account_of(request)
    found = queries.with_wanted(queries.visible_to(account))
    rows = sorted(found, key=lambda entry: ORDER.index(Sync(entry.sync)))
    context = {
        "page_obj": page_of(request, rows),
        "open_incidents": queries.incidents_visible_to(account).filter(status="open").count(),
        "targets": queries.targets_visible_to(account),
        "counts": {sync.value: sum(entry.sync == sync for entry in rows) for sync in Sync},
        "may_add": account.may("deployment.add_target"),
    }
    return render(request, "deployment/deployments.html", context)


def find(request: HttpRequest, pk: uuid.UUID) -> Deployment:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


@require_GET
def deployment(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One endpoint: wanted and seen side by side, its revisions, and what may be done."""
    place = find(request, pk)
    account = account_of(request)
    revisions = queries.revisions(place)
    waiting = next((entry for entry in revisions if entry.status == "pending"), None)
    awaiting = next((entry for entry in revisions if entry.status == "awaiting"), None)
    current = next((entry for entry in revisions if entry.status == "applied"), None)
    periods = queries.ran(place)
    verified = [entry for entry in revisions if entry.verification and entry.version_id]
    context = {
        "deployment": place,
        "revisions": revisions,
        "current": current,
        "waiting": waiting,
        "awaiting": awaiting,
        "asked": queries.release_request(awaiting) if awaiting else None,
        "release_policy": queries.release_policy(place.model),
        "job": latest_for(waiting) if waiting else None,
        "versions": offers(place),
        "closed_now": queries.why_closed(place) or queries.why_not_named(place, account),
        "incidents": queries.open_incidents(place),
        "operations": queries.operations(revisions)[:SHOWN],
        "experiments": queries.experiments_visible_to(account).filter(deployment=place),
        "why_no_experiment": account.lacks("deployment.register_experiment", place)
        or policies.not_comparable([each.version.label for each in queries.compared(place)])
        or policies.under_experiment(queries.running_experiment(place)),
        "traffic": pictures.traffic(place, current),
        "periods": periods,
        "rules": queries.rules_in_words(queries.rules_of(current)) if current and current.version_id else None,
        "ran": pictures.ran(periods),
        "next_step": current.steps[current.step] / 100
        if current and current.step and current.step < len(current.steps)
        else None,
        "promotable": _promotable(current),
        "why_no_advance": account.lacks("deployment.advance", place) or queries.why_no_advance(place),
        "passed_over": queries.passed_over(place),
        "why_no_fail_back": account.lacks("deployment.fail_back", place) or queries.why_no_fail_back(place, account),
        "earlier": [entry for entry in verified if entry.status != "applied"],
        "why_not": {verb: account.lacks(f"deployment.{verb}", place) for verb in VERBS},
    }
    return render(request, "deployment/deployment.html", context)


def _promotable(current: Revision | None) -> Version | None:
    """The challenger of a canary that did its last step: what remains is a plan for all of the traffic."""
    if current is None or current.step is None or current.step < len(current.steps):
        return None
    return next(each.version for each in current.variants.all() if each.role == "challenger")


def offers(place: Deployment, role: str = "") -> list[dict[str, object]]:
    """The model's versions, each deployable in a role or with the reason why not."""
    return [
        {"version": version, "why_not": queries.why_not_served(place, version, version.artifact_id or "", role)}
        for version in queries.candidates(place)
    ]


@require_GET
def progress(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The part of the page that is polled while a revision is being applied."""
    place = find(request, pk)
    waiting = place.revisions.filter(status="pending").first()
    context = {"deployment": place, "waiting": waiting, "job": latest_for(waiting) if waiting else None}
    answer = render(request, "deployment/_progress.html", context)
    if waiting is None:
        answer["HX-Refresh"] = "true"
    return answer


@require_http_methods(["GET", "POST"])
def create(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Open an endpoint for a model."""
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    form = CreateForm(request.POST or None, targets=queries.targets_for(account, model))
    if request.method == "POST" and form.is_valid():
        opened = services.create(model, actor=account, **form.cleaned_data)
        return redirect(opened)
    closed = account.lacks("deployment.create", model)
    return render(request, "deployment/create.html", {"model": model, "form": form, "closed": closed})


@require_GET
def plan(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What bringing a version there would change, before anything is sent."""
    place, account = find(request, pk), account_of(request)
    form = PlanForm(request.GET, versions=queries.candidates(place))
    if not form.is_valid():
        return render(request, "deployment/refused_form.html", {"deployment": place, "form": form}, status=422)
    version = form.cleaned_data["version"]
    planned = services.plan(place, policies.whole(version))
    context = {
        "deployment": place,
        "plan": planned,
        "version": version,
        "action": "deployment:deploy",
        "posted": [("version", version.pk)],
        "release_policy": queries.release_policy(place.model),
        "closed": account.lacks("deployment.deploy", place)
        or queries.why_closed(place)
        or queries.why_not_named(place, account)
        or " ".join(planned.closed),
    }
    return render(request, "deployment/plan.html", context)


@takes_forms_only
def deploy(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    place = find(request, pk)
    form = well_formed(DeployForm(request.POST, versions=queries.candidates(place)), labelled=True)
    services.deploy(place, actor=account_of(request), **form.cleaned_data)
    return redirect(place)


@takes_forms_only
def roll_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    place = find(request, pk)
    form = well_formed(RollBackForm(request.POST), labelled=True)
    services.roll_back(place, actor=account_of(request), **form.cleaned_data)
    return redirect(place)


@takes_forms_only
def refresh(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    place = services.refresh(find(request, pk), actor=account_of(request))
    return redirect(place)


@require_GET
def statement(request: HttpRequest, pk: uuid.UUID, which: str) -> HttpResponse:
    """A signed statement as a file, or the key to verify it by; other tools read both without us."""
    found = get_object_or_404(queries.revisions_visible_to(account_of(request)), pk=pk)
    proof = found.proof_of(request.GET.get("version", ""))
    kept = proof.get("statements", {}).get(which)
    if kept is None:
        raise Http404("This revision has no such statement.")
    name, told = ("statement-key.pem", kept) if which == "public_key" else (f"{which}.sig", json.dumps(kept, indent=1))
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(told, content_type="application/octet-stream", headers=headers)


@require_GET
def of_model(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The Deployments tab of a model."""
    account = account_of(request)
    model: Model = get_object_or_404(models_visible_to(account), pk=pk)
    rows = queries.with_wanted(queries.visible_to(account).filter(model=model))
    closed = account.lacks("deployment.create", model)
    periods = queries.ran_of_model(model, account)
    context = {
        **model_page(model, account, "deployment:of_model"), "rows": rows, "closed": closed, "periods": periods,
        "ran": pictures.ran(periods),
    }  # fmt: skip
    return render(request, "deployment/of_model.html", context)


def panel(model: Model, account: Account) -> Panel:
    """The places of a model beside its card: wanted and seen."""
    rows = queries.with_wanted(queries.visible_to(account).filter(model=model))
    return Panel("deployment/_panel.html", {"rows": rows, "model": model})
