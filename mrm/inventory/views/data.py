"""Data sets."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of, options_of, page_of
from mrm.core.actors import permit
from mrm.core.refusal import Invalid
from mrm.inventory import forms, queries, services


@require_safe
def datasets(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    text = request.GET.get("q", "").strip()
    found = queries.datasets_visible_to(account)
    page = page_of(request, found.filter(name__icontains=text) if text else found)
    context = {"page": page, "text": text, "lacks_register": account.lacks("inventory.register_dataset", None)}
    return render(request, "inventory/datasets.html", context)


@require_safe
def find_dataset(request: HttpRequest) -> HttpResponse:
    return options_of(request, forms.DatasetField, queries.datasets_visible_to(account_of(request)))


@require_safe
def dataset(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.datasets_visible_to(account), pk=pk)
    context = {
        "dataset": found,
        "uses": queries.uses_of(found, queries.versions_visible_to(account)),
        "shows_values": queries.shows_values(found, account),
    }
    return render(request, "inventory/dataset.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def register_dataset(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "inventory.register_dataset", None)
    form = forms.DatasetForm(request.POST or None, request.FILES or None, account=account)
    if form.is_valid():
        try:
            made = services.register_upload(form.cleaned_data["file"].chunks(), **form.facts(), actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(
                request, _("%(name)s is registered with %(rows)s rows.") % {"name": made, "rows": f"{made.rows:,}"}
            )
            return redirect("inventory:dataset", made.pk)
    return render(request, "inventory/register_dataset.html", {"form": form}, status=422 if form.errors else 200)
