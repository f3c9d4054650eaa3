"""A version: its facts, artifact, data and what other areas say of it."""

from uuid import UUID

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.pages import account_of
from mrm.audit import reading
from mrm.audit.queries import of_subject
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Stale
from mrm.inventory import forms, queries, services
from mrm.inventory.forms.version import shown
from mrm.inventory.models import Version
from mrm.inventory.views.answers import carried_out, collision, form_page
from mrm.inventory.views.panels import drawn


@require_safe
def version(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    seen = queries.with_links(queries.versions_visible_to(account), queries.datasets_visible_to(account))
    found = get_object_or_404(seen, pk=pk)
    context = {
        "version": found,
        "doors": queries.version_doors(found, account),
        "panels": drawn(request, queries.version_panels(found, account)),
        "days": reading.days(of_subject(found)[:20]),
        "steps": _steps(found),
    }
    return render(request, "inventory/version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def add_version(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    model = get_object_or_404(queries.models_visible_to(account), pk=pk)
    permit(account, "inventory.add_version", model)
    form = forms.VersionForm(request.POST or None, initial={"developer": model.developer_id})
    if made := carried_out(form, lambda: services.add_version(model, **form.cleaned_data, actor=account)):
        messages.success(request, _("Version %(label)s is a draft; attach its artifact next.") % {"label": made.label})
        return redirect("inventory:version", made.pk)
    context = {**queries.model_page(model, account, "inventory:versions"), "form": form}
    return form_page(request, "inventory/add_version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def edit_version(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.edit_version", found)
    form = forms.VersionEditForm(request.POST or None, version=found)
    context = {"version": found, "form": form}
    try:
        changed = carried_out(form, lambda: services.edit_version(found, **form.revision_given(), actor=account))
    except Stale as stale:
        current = _visible(request, pk)
        again = forms.VersionEditForm.again(form, shown(current), current.revision, version=current)
        return collision(request, "inventory/edit_version.html", context, stale, again)
    if changed:
        messages.success(request, _("The draft is changed."))
        return redirect("inventory:version", found.pk)
    return form_page(request, "inventory/edit_version.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def attach(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.attach_artifact", found)
    form = forms.ArtifactForm(request.POST or None, request.FILES or None)
    if carried_out(form, lambda: services.attach_artifact(found, **form.artifact(), actor=account)):
        messages.success(request, _("The artifact is attached."))
        return redirect("inventory:version", found.pk)
    return _version_form(request, found, form, _("Attach the artifact"))


@require_http_methods(["GET", "HEAD", "POST"])
def endpoint(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.attach_artifact", found)
    form = forms.EndpointForm(request.POST or None, initial=found.scoring_endpoint)
    if carried_out(form, lambda: services.set_scoring_endpoint(found, place=form.place(), actor=account)):
        messages.success(request, _("Runs can be scored through this endpoint now."))
        return redirect("inventory:version", found.pk)
    return _version_form(request, found, form, _("Where the model answers"))


@takes_forms_only
def remove_endpoint(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = services.remove_scoring_endpoint(_visible(request, pk), actor=account_of(request))
    messages.success(request, _("The version names no scoring endpoint any more."))
    return redirect("inventory:version", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def link_dataset(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.link_dataset", found)
    form = forms.LinkDatasetForm(request.POST or None, account=account)
    if link := carried_out(form, lambda: services.link_dataset(found, **form.cleaned_data, actor=account)):
        messages.success(request, _("Linked: %(link)s.") % {"link": link})
        return redirect("inventory:version", found.pk)
    return _version_form(request, found, form, _("Link a data set"))


@require_http_methods(["GET", "HEAD", "POST"])
def retire_version(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    found = _visible(request, pk)
    permit(account, "inventory.retire", found)
    form = forms.ReasonForm(request.POST or None)
    if carried_out(form, lambda: services.retire_version(found, **form.cleaned_data, actor=account)):
        messages.success(request, _("The version is retired."))
        return redirect("inventory:version", found.pk)
    return _version_form(request, found, form, _("Retire this version"))


def _visible(request: HttpRequest, pk: UUID) -> Version:
    return get_object_or_404(queries.versions_visible_to(account_of(request)), pk=pk)


def _version_form(request: HttpRequest, found: Version, form: Form, title: str) -> HttpResponse:
    return form_page(request, "inventory/version_form.html", {"version": found, "form": form, "title": title})


def _steps(found: Version) -> list[tuple[str, str]]:
    """The way a version goes, and where this one stands."""
    way = [
        ("draft", _("Draft")),
        ("in_validation", _("In validation")),
        ("validated", _("Validated")),
        ("approved", _("Approved")),
        ("active", _("In production")),
    ]
    keys = [key for key, _label in way]
    if found.status not in keys:
        return [*((label, "done") for _key, label in way[:4]), (found.get_status_display(), "stopped")]
    at = keys.index(found.status)
    return [
        (label, "done" if place < at else "current" if place == at else "todo")
        for place, (_key, label) in enumerate(way)
    ]
