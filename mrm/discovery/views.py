"""Pages: what was seen at places and registries, what it is, and what became of what nobody registered."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.access.models import Account
from mrm.access.pages import account_of, options_of, page_of
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.deployment.models import Target
from mrm.deployment.queries import targets_visible_to
from mrm.discovery import queries, services
from mrm.discovery.forms import CallerForm, CloseForm, ConfirmForm, DismissForm
from mrm.discovery.models import Listing, ShadowFinding, Sighting
from mrm.discovery.workflow import FINDINGS, SIGHTINGS
from mrm.inventory.forms import VersionField
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Panel


@require_safe
def sightings(request: HttpRequest) -> HttpResponse:
    """What was seen: what needs somebody first."""
    account = account_of(request)
    counts = queries.counts(account)
    names = {"findings": _("Open findings"), "confirm": _("To confirm"), "serving": _("Serving"), "all": _("All")}
    shown = request.GET.get("show", "")
    if shown not in names:
        shown = "findings" if counts["findings"] else "all"
    views = [
        {"url": f"?show={name}", "label": label, "count": counts[name], "current": name == shown}
        for name, label in names.items()
    ]
    found = queries.visible_to(account).filter(queries.SHOWN[shown])
    page = page_of(request, found, count=counts[shown])
    readable = queries.readable_versions(account, page.object_list)
    context = {"page": page, "views": views, "shown": shown, "counts": counts, "readable": readable}
    return render(request, "discovery/sightings.html", context)


def _find(request: HttpRequest, pk: uuid.UUID) -> Sighting:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


@require_safe
def sighting(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One model version as a place lists it: what it is, by which evidence, and the findings about it."""
    return _page(request, _find(request, pk))


def _page(
    request: HttpRequest, found: Sighting, status: int = 200, closing: dict[Any, CloseForm] | None = None, **bound: Any
) -> HttpResponse:
    """The page of a sighting; `closing` holds what was sent to close a finding, by the finding's key."""
    account = account_of(request)
    versions = versions_visible_to(account)
    readable = queries.readable_versions(account, [found])
    findings, forms = queries.findings_visible_to(account).filter(sighting=found), closing or {}
    context = {
        "sighting": found,
        "readable": readable,
        "offers": {offer.move.name: offer for offer in SIGHTINGS.offered(found, account)},
        "findings": [
            (each, FINDINGS.offered(each, account), forms.get(each.pk) or _closing(each)) for each in findings
        ],
        "confirm_form": ConfirmForm(versions=versions, likely=found.version_id if readable else None),
        "dismiss_form": DismissForm(),
        **bound,
    }
    return render(request, "discovery/sighting.html", context, status=status)


def _closing(finding: ShadowFinding, data: Any = None) -> CloseForm:
    """One of several on the page, so its fields have names of their own for the browser."""
    return CloseForm(data, auto_id=f"close-{finding.pk}-%s")


@require_safe
def find_version(request: HttpRequest) -> HttpResponse:
    """Versions by name, for the choice of what a sighting is."""
    return options_of(request, VersionField, versions_visible_to(account_of(request)).select_related("model__unit"))


@takes_forms_only
def confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found, account = _find(request, pk), account_of(request)
    form = ConfirmForm(request.POST, versions=versions_visible_to(account))
    if not form.is_valid():
        return _page(request, found, status=422, confirm_form=form)
    return redirect(services.confirm(found, actor=account, **form.cleaned_data))


@takes_forms_only
def dismiss(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    found, form = _find(request, pk), DismissForm(request.POST)
    if not form.is_valid():
        return _page(request, found, status=422, dismiss_form=form)
    return redirect(services.dismiss(found, actor=account_of(request), **form.cleaned_data))


@takes_forms_only
def close_finding(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    finding = get_object_or_404(queries.findings_visible_to(account), pk=pk)
    form = _closing(finding, request.POST)
    if not form.is_valid():
        return _page(request, _find(request, finding.sighting_id), status=422, closing={finding.pk: form})
    return redirect(services.close_finding(finding, actor=account, **form.cleaned_data))


@takes_forms_only
def list_place(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    place = get_object_or_404(targets_visible_to(account), pk=pk)
    return redirect(services.ask_for_listing(place, actor=account))


@takes_forms_only
def set_caller(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    account = account_of(request)
    place = get_object_or_404(targets_visible_to(account), pk=pk)
    form = CallerForm(request.POST)
    if not form.is_valid():
        raise Invalid("A name of a secret has letters, digits, hyphens and underscores.")
    return redirect(services.set_caller(place, actor=account, **form.cleaned_data))


def panel(target: Target, account: Account) -> Panel:
    """What was seen at a place, and when it was listed last."""
    found = queries.visible_to(account).filter(target=target)
    context = {
        "target": target,
        "listing": Listing.objects.filter(target=target).first(),
        "sightings": found.filter(gone_at=None)[:20],
        "count": found.filter(gone_at=None).count(),
        "closed": account.lacks("discovery.list", target),
        "caller": queries.caller_of(target.pk),
        "caller_form": CallerForm(),
        "closed_caller": account.lacks("discovery.set_caller", target),
    }
    return Panel("discovery/_place.html", context)
