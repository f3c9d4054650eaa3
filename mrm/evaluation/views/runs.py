"""Runs on pages: ask, watch, read, take along."""

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.core.downloads import content_answer
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.evaluation import queries, services
from mrm.evaluation.forms import ReasonForm, StartForm
from mrm.evaluation.models import Run
from mrm.evaluation.views.progress import drawing, progress_of, table
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import ArtifactKind, Version
from mrm.inventory.queries import versions_visible_to
from mrm.inventory.queries.tabs import Panel
from mrm.inventory.views.panels import drawn

STATUSES = (
    ("fail", "Fail", "bad", "square-rounded-x"),
    ("watch", "Watch", "warn", "alert-triangle"),
    ("insufficient", "Insufficient evidence", "off", "circle-dashed"),
    ("pass", "Pass", "ok", "circle-check"),
)
STATES = [("", _("All")), *RunState.choices]


@require_safe
def runs(request: HttpRequest) -> HttpResponse:
    visible = queries.visible_to(account_of(request))
    state = request.GET.get("state", "")
    chosen = visible.filter(status=state) if state in RunState.values else visible
    views = [{"url": f"?state={key}" if key else "?", "label": label, "current": key == state} for key, label in STATES]
    return render(request, "evaluation/runs.html", {"page": page_of(request, chosen), "views": views, "state": state})


@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, pk: UUID) -> HttpResponse:
    version = get_object_or_404(versions_visible_to(account_of(request)), pk=pk)
    form = StartForm(request.POST or None, version=version)
    if request.method == "POST" and form.is_valid():
        try:
            run = services.start(
                version,
                dataset=form.cleaned_data["dataset"],
                kinds=form.cleaned_data["kinds"],
                settings=form.settings(),
                suite=form.cleaned_data["suite"],
                reasons=form.cleaned_data["reasons"],
                actor=account_of(request),
            )
        except Invalid as fault:
            form.add_refusal(fault.fields, fault.reasons)
        else:
            return redirect(run)
    lacking = account_of(request).lacks("evaluation.start", version)
    context = {"version": version, "form": form, "lacking": lacking}
    return render(request, "evaluation/start.html", context, status=422 if form.errors else 200)


@require_safe
def run(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = _find(request, pk)
    context: dict[str, Any] = {
        "run": found,
        "cutoff": queries.decimal(found.settings["cutoff"]),
        "scored_through": queries.scored_through(found.pins),
        "lacks_cancel": account_of(request).lacks("evaluation.cancel", found),
    }
    if found.status == RunState.QUEUED:
        return render(request, "evaluation/running.html", {**context, "progress": progress_of(found)})
    if found.status != RunState.DONE:
        return render(request, "evaluation/ended.html", context)
    panels = drawn(request, queries.run_panels(found, account_of(request)))
    return render(request, "evaluation/run.html", {**context, **_results(request, found), "panels": panels})


@require_safe
def progress(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The progress alone; once the run has ended the page is asked for anew."""
    found = _find(request, pk)
    if found.status != RunState.QUEUED:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "evaluation/_progress.html", {"run": found, "progress": progress_of(found)})


@takes_forms_only
def cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    cancelled = services.cancel(_find(request, pk), actor=account_of(request))
    messages.success(request, _("%(ref)s is cancelled; nothing was computed for it.") % {"ref": cancelled.ref})
    return redirect(cancelled)


@require_safe
def figure(request: HttpRequest, pk: UUID, name: str, theme: str) -> HttpResponse:
    return drawing(request, _find(request, pk), name, theme)


@require_safe
def results_csv(request: HttpRequest, pk: UUID) -> FileResponse:
    """All results, or with `figure` the numbers of one figure."""
    found = _done(request, pk)
    rows, name = queries.results_table(found), f"{found.ref}-results.csv"
    if wanted := request.GET.get("figure"):
        entry = queries.figure_of(found, wanted)
        if entry is None:
            raise Http404
        rows, name = queries.figure_table(entry), f"{found.ref}-{wanted}.csv"
    return table(rows, name)


@require_safe
def results_json(request: HttpRequest, pk: UUID) -> FileResponse:
    """Results, pins and digest, or with `figure` the numbers of one figure."""
    found = _done(request, pk)
    content, name = queries.results_document(found), f"{found.ref}-results.json"
    if wanted := request.GET.get("figure"):
        entry = queries.figure_of(found, wanted)
        if entry is None:
            raise Http404
        content, name = (
            {key: entry[key] for key in ("name", "title", "alt", "header", "rows")},
            f"{found.ref}-{wanted}.json",
        )
    told = json.dumps(content, indent=1, sort_keys=True).encode()
    return content_answer(told, filename=name, content_type="application/json")


def _find(request: HttpRequest, pk: UUID) -> Run:
    found: Run = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    return found


def _done(request: HttpRequest, pk: UUID) -> Run:
    found = _find(request, pk)
    if found.status != RunState.DONE:
        raise Http404
    return found


def _results(request: HttpRequest, found: Run) -> dict[str, Any]:
    attribute, group = request.GET.get("attribute", ""), request.GET.get("group", "")
    drill = queries.chosen_group(found, attribute, group)
    selected = (drill["attribute"], drill["group"]) if drill else ("", "")
    counts, figures = found.counted(), queries.figures_by_kind(found)
    standings = queries.standings(found, figures)
    return {
        "strip": [
            (counts.get(key, 0), label, kind, icon, queries.what_stands(found.results, key))
            for key, label, kind, icon in STATUSES
        ],
        "judged": sum(counts.get(key, 0) for key, *_rest in STATUSES),
        "worst": next((entry for entry in STATUSES if counts.get(entry[0])), None),
        "sheet": queries.bias_sheet(found, selected),
        "crossed": queries.bias_sheet(found, selected, crossed=True),
        "like_cases": queries.like_cases(found),
        "drill": drill,
        "performance": queries.performance_panel(found),
        "undone_bias": [row for row in queries.measure_rows(found, "bias") if row["reason"]],
        "kind_panels": queries.kind_panels(found),
        "shifts": queries.shifts(found),
        "domain": queries.domain_panel(found),
        "explaining": queries.measure_rows(found, "explainability"),
        "explained": queries.explained(found) if found.explanation else None,
        "figures": figures,
        "standings": standings,
        "candidates": queries.candidates(found.results),
        "by_severity": queries.by_severity(standings),
        "capability": queries.capability(found),
    }


def version_panel(version: Version, account: Account) -> Panel:
    """What the page of a version shows of its runs."""
    found = queries.runs_of(version)
    lacking = account.lacks("evaluation.start", version)
    if version.artifact_id is None:
        lacking = _("An artifact is attached first.")
    context = {
        "version": version,
        "runs": found[:5],
        "count": found.count(),
        "lacking": lacking,
        "rivals": version.artifact_id and version.model.versions.exclude(pk=version.pk).exclude(artifact=None).exists(),
        "comparisons": version.comparisons.select_related("dataset")[:3],
    }
    if version.artifact and version.artifact.kind == ArtifactKind.PICKLE:
        context |= {"pickle": queries.pickle_facts(version, account), "reason_form": ReasonForm()}
    return Panel("evaluation/_panel.html", context)
