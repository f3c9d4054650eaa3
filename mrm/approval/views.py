"""Asking for the use of a version, ending it, and accepting that a condition is met."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.approval import queries, services
from mrm.approval.forms import MeetForm, SubmitForm, WithdrawForm
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Seal


@require_POST
def submit(request: HttpRequest, pk: object) -> HttpResponse:
    """Put a version before the signers."""
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    form = SubmitForm(request.POST)
    asked = services.submit(version, note=form.cleaned_data["note"] if form.is_valid() else "", actor=account)
    messages.success(request, f"{asked.ref} is before the signers.")
    return redirect(asked)


@require_POST
def withdraw(request: HttpRequest, pk: object) -> HttpResponse:
    """End an approval at once."""
    account = account_of(request)
    approval = get_object_or_404(queries.visible_to(account), pk=pk)
    form = WithdrawForm(request.POST)
    services.withdraw(approval, reason=form.cleaned_data["reason"] if form.is_valid() else "", actor=account)
    messages.success(request, f"The {approval} is withdrawn.")
    return redirect(approval.version)


@require_POST
def meet(request: HttpRequest, pk: int) -> HttpResponse:
    """Accept that a condition is met."""
    account = account_of(request)
    condition = get_object_or_404(queries.conditions_visible_to(account), pk=pk)
    form = MeetForm(request.POST)
    services.meet_condition(condition, note=form.cleaned_data["note"] if form.is_valid() else "", actor=account)
    messages.success(request, "The condition is accepted as met.")
    return redirect(condition.approval.version)


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


def panel(version: Version, account: Account) -> SafeString:
    """What the version page says about approval: what is missing, the request, the approval and its conditions."""
    sheet = queries.panel(version, account)
    forms = {"submit": SubmitForm(), "withdraw": WithdrawForm(), "meet": MeetForm()}
    return mark_safe(render_to_string("approval/panel.html", {"sheet": sheet, **forms}))  # noqa: S308  a template's output
