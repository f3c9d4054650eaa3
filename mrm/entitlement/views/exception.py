"""Exceptions on pages: which there are, open one, end one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access import services as access
from mrm.access.forms import ReasonForm, take_refusal
from mrm.access.pages import account_of, page_of
from mrm.access.queries import exceptions_visible_to
from mrm.core.actors import permit
from mrm.core.refusal import Invalid
from mrm.core.sheets import csv_answer
from mrm.entitlement import queries
from mrm.entitlement.forms import ExceptionForm
from mrm.inventory.queries import models_visible_to

COLUMNS = ("model", "name", "unit", "account", "person", "until", "reason", "opened_by")


@require_safe
def exceptions(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "audit.view", None)
    ended = request.GET.get("ended") == "on"
    page = page_of(request, queries.exceptions_listed(account, ended=ended))
    context = {"page": page, "rows": page, "ended": ended, "lacks": account.lacks("access.except", None)}
    return render(request, "entitlement/exceptions.html", context)


@require_safe
def exceptions_csv(request: HttpRequest) -> StreamingHttpResponse:
    account = account_of(request)
    permit(account, "audit.view", None)
    found = queries.exceptions_listed(account, ended=request.GET.get("ended") == "on")
    rows = (
        (
            each.content_object.ref, each.content_object.name, each.content_object.unit.key, each.user.username,
            each.user.person.name, each.until.isoformat(timespec="seconds"), each.reason,
            each.granted_by.name if each.granted_by else "the system",
        )
        for each in found.iterator(1000)
    )  # fmt: skip
    return csv_answer("exceptions.csv", COLUMNS, rows)


@require_http_methods(["GET", "HEAD", "POST"])
def open_model(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    model = get_object_or_404(models_visible_to(account), pk=pk)
    permit(account, "access.except", model)
    form = ExceptionForm(request.POST or None)
    if form.is_valid():
        values = form.cleaned_data
        try:
            if form.account is None:
                raise Invalid(
                    "This person has no open personal account.", fields={"person": ["Has no open personal account."]}
                )
            access.open_record(
                model,
                kind="model",
                account=form.account,
                until=values["until"],
                reason=values["reason"],
                actor=account,
            )
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("%(model)s is open to %(who)s.") % {"model": model, "who": values["person"]})
            return redirect(model)
    context = {"form": form, "model": model}
    return render(request, "entitlement/open_model.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def end_exception(request: HttpRequest, pk: int) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(exceptions_visible_to(account, "model"), pk=pk)
    permit(account, "access.except", found)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        access.end_exception(found, reason=form.cleaned_data["reason"], actor=account)
        messages.success(request, _("Ended at once."))
        return redirect("entitlement:exceptions")
    context = {"form": form, "exception": found}
    return render(request, "entitlement/end_exception.html", context, status=422 if form.errors else 200)
