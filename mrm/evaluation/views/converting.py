"""Conversion to ONNX on pages: ask on a form, read what came of it on the version's page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.evaluation import queries, services
from mrm.evaluation.forms import ConvertForm
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Panel
from mrm.inventory.views.answers import carried_out, form_page


@require_http_methods(["GET", "HEAD", "POST"])
def convert(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    permit(account, "evaluation.convert", version)
    form = ConvertForm(request.POST or None, version=version)
    if made := carried_out(form, lambda: services.convert(version, **form.cleaned_data, actor=account)):
        messages.success(request, _("A worker converts it now; the new version appears on this page."))
        return redirect(made)
    context = {"version": version, "form": form, "title": _("Convert to ONNX")}
    return form_page(request, "inventory/version_form.html", context)


def conversion_panel(version: Version, account: Account) -> Panel:
    """What the page of a version shows of conversions; nothing where there is none and none can be."""
    return Panel("evaluation/_conversion.html", {"version": version, **queries.conversion_facts(version, account)})
