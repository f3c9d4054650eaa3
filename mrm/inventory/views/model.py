"""The pages of one model: card, versions, data and lineage, timeline; and the changes to its record."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.pages import account_of, options_of, page_of
from mrm.audit import reading
from mrm.audit.queries import timeline as events_of
from mrm.core.actors import permit
from mrm.core.refusal import Stale
from mrm.inventory import forms, queries, services
from mrm.inventory.forms.model import shown
from mrm.inventory.models import Model
from mrm.inventory.views.answers import carried_out, collision, form_page
from mrm.inventory.views.panels import drawn
from mrm.signoff import services as signoff


@require_safe
def model(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    visible = queries.with_exceptions(queries.with_latest_version(queries.models_visible_to(account)))
    found = get_object_or_404(visible, pk=pk)
    packs = list(queries.field_packs())
    wanted = request.GET.get("show", "")
    context = {
        **queries.model_page(found, account, "inventory:model"),
        "card": (card := queries.card(found, packs)),
        "shows": [(kind, card.count(kind)) for kind in ("typed", "pushed", "computed", "missing")],
        "wanted": wanted if wanted in ("typed", "pushed", "computed", "missing") else "",
        "completeness": queries.completeness(found, packs),
        "rating": found.ratings.select_related("method", "rated_by__person", "override_by__person").first(),
        "panels": drawn(request, queries.model_panels(found, account)),
    }
    return render(request, "inventory/model.html", context)


@require_safe
def versions(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _visible(request, pk)
    context = {
        **queries.model_page(found, account_of(request), "inventory:versions"),
        "versions": queries.versions_of(found),
    }
    return render(request, "inventory/versions.html", context)


@require_safe
def data(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    context = {
        **queries.model_page(found, account, "inventory:data"),
        **queries.lineage(found, queries.models_visible_to(account)),
        "links": queries.data_of(found, queries.datasets_visible_to(account)),
    }
    return render(request, "inventory/data.html", context)


@require_safe
def timeline(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    refused = "refused" in request.GET
    events = events_of(found)
    page = page_of(request, events.filter(outcome="refused") if refused else events)
    context = {
        **queries.model_page(found, account, "inventory:timeline"),
        "page": page,
        "days": reading.days(page),
        "refused": refused,
        "export_closed": account.lacks("assurance.export", found),
    }
    return render(request, "inventory/timeline.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "inventory.register", None)
    form = forms.RegisterForm(request.POST or None, account=account, initial={"owner": account.person_id})
    if made := carried_out(form, lambda: services.register(**form.facts(), actor=account)):
        said = _("%(name)s is registered as %(ref)s. Rate it next.") % {"name": made, "ref": _ref(made)}
        messages.success(request, said)
        return redirect("inventory:model", made.pk)
    return form_page(request, "inventory/register.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.edit", found)
    form = forms.ModelForm(request.POST or None, model=found)
    context = {**queries.model_page(found, account, ""), "form": form}
    try:
        changed = carried_out(form, lambda: services.edit(found, **form.revision_given(), actor=account))
    except Stale as stale:
        current = _visible(request, pk)
        again = forms.ModelForm.again(form, shown(current), current.revision, model=current)
        return collision(request, "inventory/edit.html", context, stale, again)
    if changed:
        messages.success(request, _("The record is changed."))
        return redirect("inventory:model", found.pk)
    return form_page(request, "inventory/edit.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def retire(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.retire", found)
    form = forms.DecommissionForm(request.POST or None)
    context = {**queries.model_page(found, account, ""), "form": form}
    if made := carried_out(form, lambda: signoff.propose(found, "decommissioning", **form.proposal(), actor=account)):
        messages.success(request, _("Proposed; the model ends when it is signed for."))
        return redirect(made)
    return form_page(request, "inventory/retire.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def dependencies(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.link_models", found)
    form = forms.DependencyForm(request.POST or None, account=account, model=found)
    if link := carried_out(form, lambda: services.link_models(found, **form.cleaned_data, actor=account)):
        messages.success(request, _("Recorded: %(link)s.") % {"link": link})
        return redirect("inventory:data", found.pk)
    context = {**queries.model_page(found, account, "inventory:data"), "form": form}
    return form_page(request, "inventory/dependencies.html", context)


@require_safe
def find_upstream(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The models that this one may be said to need: any in reach but itself."""
    found = _visible(request, pk)
    rows = queries.models_visible_to(account_of(request)).exclude(pk=found.pk)
    return options_of(request, forms.ModelField, rows)


def _visible(request: HttpRequest, pk: UUID) -> Model:
    return get_object_or_404(queries.models_visible_to(account_of(request)), pk=pk)


def _ref(made: Model) -> str:
    made.refresh_from_db(fields=["number"])
    return made.ref
