"""The permission to run a pickle: asked for on the version's page, withdrawn there."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from mrm.access.pages import account_of
from mrm.core.methods import takes_forms_only
from mrm.evaluation import queries, services
from mrm.evaluation.forms import ReasonForm
from mrm.inventory.queries import versions_visible_to


@takes_forms_only
def permit(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    services.permit_execution(version, reason=_reason(request), actor=account)
    messages.success(request, _("The file is scanned now; if it holds nothing but estimators, it may be run."))
    return redirect(f"{version.get_absolute_url()}#evaluations")


@takes_forms_only
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.permissions_visible_to(account), pk=pk)
    services.withdraw_permission(found, reason=_reason(request), actor=account)
    messages.success(request, _("The pickle is run no more."))
    return redirect(f"{found.version.get_absolute_url()}#evaluations")


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    return str(form.cleaned_data["reason"]) if form.is_valid() else ""
