"""Comparisons on pages: ask, watch, read in a minute, take along."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.pages import account_of
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.evaluation import queries, services
from mrm.evaluation.forms import CompareForm
from mrm.evaluation.models import Comparison
from mrm.evaluation.views.progress import drawing, progress_of, table
from mrm.evaluation.workflow import RunState
from mrm.inventory.queries import versions_visible_to


@require_http_methods(["GET", "POST"])
def compare(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    form = CompareForm(request.POST or None, version=version)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.compare(
                version,
                challengers=list(form.cleaned_data["challengers"]),
                dataset=form.cleaned_data["dataset"],
                settings=form.settings(),
                actor=account,
            )
        except Invalid as fault:
            form.add_refusal(fault.fields, fault.reasons)
        else:
            return redirect(made)
    context = {"version": version, "form": form, "lacking": account.lacks("evaluation.compare", version)}
    return render(request, "evaluation/compare.html", context, status=422 if form.errors else 200)


@require_safe
def comparison(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    context: dict[str, Any] = {"comparison": found, "progress": None, "compared": None, "lacks_cancel": ""}
    if found.status == RunState.QUEUED:
        lacking = account_of(request).lacks("evaluation.cancel_comparison", found)
        context |= {"progress": progress_of(found), "lacks_cancel": lacking}
    elif found.status == RunState.DONE:
        context |= {"compared": queries.compared(found), "figures": queries.tabled(found.figures)}
    return render(request, "evaluation/comparison.html", context)


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The progress alone; once the comparison has ended the page is asked for anew."""
    found = _find(request, pk)
    if found.status != RunState.QUEUED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "evaluation/_comparing.html", {"comparison": found, "progress": progress_of(found)})


@takes_forms_only
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    cancelled = services.cancel_comparison(_find(request, pk), actor=account_of(request))
    messages.success(request, _("%(ref)s is cancelled; nothing was computed for it.") % {"ref": cancelled.ref})
    return redirect(cancelled)


@require_safe
def figure(request: HttpRequest, pk: UUID, name: str, theme: str) -> HttpResponse:
    return drawing(request, _find(request, pk), name, theme)


@require_safe
def results_csv(request: HttpRequest, pk: UUID) -> FileResponse:
    """Every result of the comparison."""
    found = _find(request, pk)
    if found.status != RunState.DONE:
        raise Http404
    return table(queries.results_table(found), f"{found.ref}.csv")


def _find(request: HttpRequest, pk: UUID) -> Comparison:
    found: Comparison = get_object_or_404(queries.comparisons_visible_to(account_of(request)), pk=pk)
    return found
