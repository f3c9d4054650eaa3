"""Asking for the use of a version, ending it, and accepting that a condition is met."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.models import Account, BusinessUnit
from mrm.access.pages import account_of, page_of
from mrm.approval import queries, services
from mrm.approval.forms import ExceptionForm, MeetForm, RegisterFilter, ReopenForm, SubmitForm, WithdrawForm
from mrm.core.actors import permit
from mrm.core.refusal import Invalid
from mrm.core.sheets import csv_answer
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import models_visible_to, versions_visible_to
from mrm.inventory.queries.tabs import Panel, Seal, model_page
from mrm.inventory.views.answers import carried_out, form_page
from mrm.signoff import services as signoff

VIEWS = {"in_force": "In force", "soon": "Ending within 30 days", "ended": "Ended"}
REGISTER = (
    "ref", "kind", "model", "name", "unit", "tier", "about", "reason", "compensation", "accepted", "until", "state",
    "ended", "request",
)  # fmt: skip


@require_http_methods(["GET", "POST"])
def submit(request: HttpRequest, pk: object) -> HttpResponse:
    """Put a version before the signers, having seen what is missing."""
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    sheet = queries.panel(version, account)
    former = sheet.valid.environments if sheet.valid else []
    form = SubmitForm(
        request.POST if request.method == "POST" else None,
        offered=queries.environments_offered(),
        initial={"environments": former or queries.USUAL},
    )
    if request.method == "GET" or not form.is_valid():
        return _ask(request, "submit", form, version=version, sheet=sheet, closed=sheet.why_not)
    asked = services.submit(version, **form.cleaned_data, actor=account)
    messages.success(request, f"{asked.ref} is before the signers.")
    return redirect(asked)


@require_http_methods(["GET", "POST"])
def reopen(request: HttpRequest, pk: object) -> HttpResponse:
    """Take a returned version back to work."""
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    form = ReopenForm(request.POST if request.method == "POST" else None)
    if request.method == "GET" or not form.is_valid():
        closed = queries.panel(version, account).why_not_reopen
        return _ask(request, "reopen", form, version=version, closed=closed)
    services.reopen(version, reason=form.cleaned_data["reason"], actor=account)
    messages.success(request, f"{version} is a draft again; ask for its validation when the work is done.")
    return redirect(version)


@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, pk: object) -> HttpResponse:
    """End an approval at once."""
    account = account_of(request)
    approval = get_object_or_404(queries.visible_to(account), pk=pk)
    form = WithdrawForm(request.POST if request.method == "POST" else None)
    if request.method == "GET" or not form.is_valid():
        return _ask(request, "withdraw", form, version=approval.version, approval=approval)
    services.withdraw(approval, reason=form.cleaned_data["reason"], actor=account)
    messages.success(request, f"The {approval} is withdrawn.")
    return redirect(approval.version)


@require_http_methods(["GET", "POST"])
def meet(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept that a condition is met."""
    account = account_of(request)
    condition = get_object_or_404(queries.conditions_visible_to(account), pk=pk)
    form = MeetForm(request.POST if request.method == "POST" else None)
    if request.method == "GET" or not form.is_valid():
        return _ask(request, "meet", form, version=condition.approval.version, condition=condition)
    services.meet_condition(condition, note=form.cleaned_data["note"], actor=account)
    messages.success(request, "The condition is accepted as met.")
    return redirect(condition.approval.version)


@require_http_methods(["GET", "HEAD", "POST"])
def propose_exception(request: HttpRequest, pk: object) -> HttpResponse:
    """Ask that a model need not meet a clause for a time."""
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    permit(account, "approval.ask_exception", model)
    form = ExceptionForm(
        request.POST or None, clauses=queries.clauses([model.pk]), initial={"clause": request.GET.get("clause", "")}
    )
    if made := carried_out(form, lambda: signoff.propose(model, "policy_exception", **form.proposal(), actor=account)):
        messages.success(request, "Proposed; the clause holds until the exception is signed for.")
        return redirect(made)
    return form_page(request, "approval/exception.html", {**model_page(model, account, "risks:of_model"), "form": form})


@require_safe
def of_model(request: HttpRequest, pk: object) -> HttpResponse:
    """The tab of a model's page: what is borne on it today, and the door to ask for an exception."""
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    context = model_page(model, account, "risks:of_model") | {
        "rows": queries.borne(queries.risks_of(model, account)),
        "lacks": account.lacks("approval.ask_exception", model),
    }
    return render(request, "approval/of_model.html", context)


@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Exceptions and accepted risks: in force, ending soon, ended."""
    account, view = account_of(request), _view(request.GET)
    form = RegisterFilter(request.GET, account=account)
    unit = form.cleaned_data["unit"] if form.is_valid() else None
    page = page_of(request, queries.risks_listed(account, view, unit), 25)
    counts = queries.risk_counts(account, unit)
    context = {
        "form": form,
        "page": page,
        "rows": queries.borne(page),
        "view": view,
        "unit": unit,
        "soon": counts["soon"],
        "query": _with(request.GET, view=view),
        "tabs": [
            {"url": f"?{_with(request.GET, view=key)}", "label": label, "count": counts[key], "current": key == view}
            for key, label in VIEWS.items()
        ],
    }
    return render(request, "approval/register.html", context, status=422 if form.errors else 200)


@require_safe
def register_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The same lines as CSV."""
    account, view = account_of(request), _view(request.GET)
    form = RegisterFilter(request.GET, account=account)
    if not form.is_valid():
        raise Invalid(*form.errors["unit"])
    unit: BusinessUnit | None = form.cleaned_data["unit"]
    found = queries.borne(queries.risks_listed(account, view, unit))
    rows = (
        (
            each.entry.ref, each.kind.lower(), each.entry.model.ref, each.entry.model.name, each.entry.unit.key,
            each.entry.model.tier, each.title, each.entry.reason, each.entry.compensation,
            each.entry.accepted_at.isoformat(timespec="seconds"), each.entry.until.isoformat(),
            "in force" if each.in_force else "ended", each.ended_on.isoformat() if each.ended_on else "",
            each.entry.request.ref,
        )
        for each in found
    )  # fmt: skip
    return csv_answer("accepted-risks.csv", REGISTER, rows)


def _view(given: QueryDict) -> str:
    view = given.get("view", "")
    return view if view in VIEWS else next(iter(VIEWS))


def _with(given: QueryDict, **changed: str) -> str:
    """The address's conditions with one of them changed, from the first page."""
    kept = given.copy()
    kept.pop("page", None)
    for name, value in changed.items():
        kept[name] = value
    return kept.urlencode()


def _ask(request: HttpRequest, what: str, form: Form, **shown: Any) -> HttpResponse:
    """The page of one question, with what the answer rests on."""
    status = 422 if form.is_bound else 200
    return render(request, "approval/ask.html", {"what": what, "form": form, **shown}, status=status)


def seal(model: Model, account: Account) -> Seal | None:
    """The approval over the model's page: in force, or why it does not hold."""
    approval = queries.seal(model)
    if approval is None:
        return None
    broken = queries.why_not_in_force(approval)
    owed = [entry for entry in approval.conditions.all() if not entry.met_on]
    title = (
        f"Approved with {len(owed)} open condition{'s' if len(owed) > 1 else ''}" if owed else "Approved for production"
    )
    asked = approval.request
    until = f"{approval.valid_until.day} {approval.valid_until:%b %Y}"
    return Seal(
        "bad" if broken else "ok",
        broken or title,
        f"Version {approval.version.label}, {asked.ref} under {asked.policy}, valid to {until}",
        url=asked.get_absolute_url(),
        digest=approval.artifact_sha256,
        facts=tuple(("Condition", f"{entry.text} due {entry.due.day} {entry.due:%b %Y}", "warn") for entry in owed),
    )


def panel(version: Version, account: Account) -> Panel:
    """What the version page says about approval: what is missing, the request, the approval and its conditions."""
    sheet = queries.panel(version, account)
    return Panel("approval/panel.html", {"sheet": sheet, "withdraw": WithdrawForm(), "meet": MeetForm()})
