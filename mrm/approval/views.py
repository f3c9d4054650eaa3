"""Asking for the use of a version, ending it, and accepting that a condition is met."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.approval import queries, services
from mrm.approval.forms import MeetForm, ReopenForm, SubmitForm, WithdrawForm
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Panel, Seal


@require_http_methods(["GET", "POST"])
def submit(request: HttpRequest, pk: object) -> HttpResponse:
    """Put a version before the signers, having seen what is missing."""
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    form = SubmitForm(request.POST if request.method == "POST" else None)
    if request.method == "GET":
        sheet = queries.panel(version, account)
        return _ask(request, "submit", form, version=version, sheet=sheet, closed=sheet.why_not)
    asked = services.submit(version, note=form.cleaned_data["note"] if form.is_valid() else "", actor=account)
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
    forms = {"submit": SubmitForm(), "withdraw": WithdrawForm(), "meet": MeetForm()}
    return Panel("approval/panel.html", {"sheet": sheet, **forms})
