"""Pages of validation: the list, one validation, findings and their story."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from mrm.access.forms import PersonField
from mrm.access.models import Account
from mrm.access.pages import account_of, options_of, page_of
from mrm.core import blobs
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.evaluation.models import Run
from mrm.evaluation.queries import visible_to as runs_visible_to
from mrm.inventory.models import Version
from mrm.inventory.queries import models_visible_to, versions_visible_to
from mrm.inventory.queries.tabs import Panel, model_page
from mrm.signoff.models import Proposal
from mrm.validation import queries, services
from mrm.validation.forms import WORDS, ConcludeForm, EvidenceForm, FindingForm, PlanForm, RequestForm
from mrm.validation.models import Finding, Severity, Validation
from mrm.validation.workflow import ValidationState

FINDING_VIEWS = {"open": "Open", "mine": "Mine", "overdue": "Overdue", "closed": "Closed"}


def _find(request: HttpRequest, pk: object) -> Validation:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


@require_GET
def validations(request: HttpRequest) -> HttpResponse:
    """Validations by state: to be taken, under way, concluded."""
    account, status = account_of(request), request.GET.get("status", "")
    tabs = [
        ("", "All"),
        *[(value, label) for value, label in ValidationState.choices if value != ValidationState.ABANDONED],
    ]
    context = {
        "page": page_of(request, queries.listed(account, status)),
        "tabs": [{"url": f"?status={value}", "label": label, "current": value == status} for value, label in tabs],
    }
    return render(request, "validation/validations.html", context)


@require_GET
def validation(request: HttpRequest, pk: object) -> HttpResponse:
    """One validation: plan, evidence by pillar, findings, outcome."""
    return _page(request, _find(request, pk))


def _page(request: HttpRequest, found: Validation, bound: forms.Form | None = None) -> HttpResponse:
    account = account_of(request)
    blank = {
        "plan_form": PlanForm(initial={"plan": found.plan}, prefix="plan"),
        "evidence_form": EvidenceForm(runs=queries.runs_for(found), prefix="evidence"),
        "finding_form": FindingForm(
            validation=found, prefix="finding", initial={"owner": found.version.model.owner_id}
        ),
        "conclude_form": ConcludeForm(prefix="conclude"),
    }
    context = {
        "validation": found,
        "moves": queries.moves_of(found, account),
        "pillars": queries.by_pillar(found),
        "findings": found.findings.select_related("owner"),
        **blank,
    }
    if bound is not None:
        context |= {f"{bound.prefix}_form": bound, "faulty": bound.prefix}
    return render(request, "validation/validation.html", context, status=422 if bound is not None else 200)


@require_GET
def model(request: HttpRequest, pk: object) -> HttpResponse:
    """The tab of a model's page: its validations and findings."""
    account = account_of(request)
    found = get_object_or_404(models_visible_to(account), pk=pk)
    findings = queries.findings_visible_to(account).filter(validation__version__model=found)
    context = model_page(found, account, "validation:model") | {
        "validations": queries.listed(account).filter(version__model=found),
        "rows": [(entry, queries.age(entry)) for entry in findings],
    }
    return render(request, "validation/model.html", context)


def panel(version: Version, account: Account) -> Panel:
    """What the version page says about validation, and the door to ask for one."""
    context = {"version": version, "form": RequestForm(), **queries.panel(version, account)}
    return Panel("validation/panel.html", context)


def run_panel(run: Run, account: Account) -> Panel:
    """Which validations rely on a run, and the door to attach it to one that is under way."""
    return Panel("validation/of_run.html", {"run": run, "rows": queries.relying(run, account)})


@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, pk: object) -> HttpResponse:
    """Hand a version to independent challenge."""
    account = account_of(request)
    version = get_object_or_404(versions_visible_to(account), pk=pk)
    if request.method == "GET":
        context = {"version": version, "form": RequestForm(), **queries.panel(version, account)}
        return render(request, "validation/ask.html", context)
    form = RequestForm(request.POST)
    kind = form.cleaned_data["kind"] if form.is_valid() else ""
    made = services.request(version, kind=kind, actor=account)
    return redirect("validation:validation", made.pk)


@takes_forms_only
def take(request: HttpRequest, pk: object) -> HttpResponse:
    """Take a validation on."""
    found = services.take(_find(request, pk), actor=account_of(request))
    messages.success(request, f"You have {found.ref}.")
    return redirect(found)


@takes_forms_only
def plan(request: HttpRequest, pk: object) -> HttpResponse:
    """Write the plan."""
    found, form = _find(request, pk), PlanForm(request.POST, prefix="plan")
    if not form.is_valid():
        return _page(request, found, form)
    services.write_plan(found, **form.cleaned_data, actor=account_of(request))
    return redirect(found)


@takes_forms_only
def evidence(request: HttpRequest, pk: object) -> HttpResponse:
    """Add a run, a file or words."""
    found = _find(request, pk)
    form = EvidenceForm(request.POST, request.FILES, runs=queries.runs_for(found), prefix="evidence")
    if not form.is_valid():
        return _page(request, found, form)
    given = dict(form.cleaned_data)
    file = given.pop("file")
    try:
        services.add_evidence(
            found,
            **given,
            chunks=file.chunks() if file else None,
            filename=file.name if file else "",
            actor=account_of(request),
        )
    except Invalid as fault:
        return _page(request, found, _with(form, fault))
    return redirect(f"{found.get_absolute_url()}#evidence")


@takes_forms_only
def attach(request: HttpRequest, pk: object, run: str) -> HttpResponse:
    """Attach a run to a validation as evidence, from the run's page."""
    account = account_of(request)
    found = _find(request, pk)
    chosen = get_object_or_404(runs_visible_to(account), number=int(run) if run.isdigit() else 0)
    made = services.attach_run(found, run=chosen, actor=account)
    pillars = ", ".join(entry.get_pillar_display().lower() for entry in made)
    messages.success(request, f"{chosen.ref} is evidence of {found.ref}: {pillars}.")
    return redirect(f"{found.get_absolute_url()}#evidence")


@takes_forms_only
def raise_finding(request: HttpRequest, pk: object) -> HttpResponse:
    """Name a weakness."""
    found = _find(request, pk)
    form = FindingForm(request.POST, validation=found, prefix="finding")
    if not form.is_valid():
        return _page(request, found, form)
    made = services.raise_finding(found, **form.cleaned_data, actor=account_of(request))
    messages.success(request, f"{made.ref} is raised.")
    return redirect(f"{found.get_absolute_url()}#findings")


@require_GET
def find_owner(request: HttpRequest, pk: object) -> HttpResponse:
    """Who may be made to answer a finding of this validation, by the letters typed."""
    return options_of(request, PersonField, queries.owners_for(_find(request, pk)))


@takes_forms_only
def conclude(request: HttpRequest, pk: object) -> HttpResponse:
    """Give the outcome, which a second validator signs."""
    found, form = _find(request, pk), ConcludeForm(request.POST, prefix="conclude")
    if not form.is_valid():
        return _page(request, found, form)
    try:
        made = services.conclude(found, **form.cleaned_data, actor=account_of(request))
    except Invalid as fault:
        return _page(request, found, _with(form, fault))
    messages.success(request, f"Put before a second validator in {made.request.ref}.")
    return redirect(found)


def _with(form: forms.Form, fault: Invalid) -> forms.Form:
    """The form with the service's sentences beside its fields."""
    for name, sentences in fault.fields.items() or [("", list(fault.reasons))]:
        form.add_error(name if name in form.fields else None, sentences)
    return form


@require_GET
def evidence_file(request: HttpRequest, pk: int) -> FileResponse:
    """The bytes of a piece of evidence."""
    found = get_object_or_404(queries.evidence_visible_to(account_of(request)).exclude(sha256=""), pk=pk)
    return _stored(found.sha256, found.filename)


@require_GET
def remediation_file(request: HttpRequest, pk: object) -> FileResponse:
    """The bytes of a remediation's proof."""
    found = get_object_or_404(queries.findings_visible_to(account_of(request)).exclude(remediation_sha256=""), pk=pk)
    return _stored(found.remediation_sha256, found.remediation_filename)


def _stored(sha256: str, filename: str) -> FileResponse:
    """A stored file as a download, verified on the way out; never shown in the page."""
    copy = blobs.fetch(sha256)
    stream = copy.open("rb")
    copy.unlink()
    answer = FileResponse(stream, as_attachment=True, filename=filename, content_type="application/octet-stream")
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_GET
def findings(request: HttpRequest) -> HttpResponse:
    """Findings of the reader's units, by view, severity and model."""
    account = account_of(request)
    view = request.GET.get("view", "")
    view = view if view in FINDING_VIEWS else "open"
    severity, model = request.GET.get("severity", ""), request.GET.get("q", "").strip()
    severity = severity if severity in Severity.values else ""
    page = page_of(request, queries.findings_listed(account, view, severity=severity, model=model))
    counts = {key: queries.findings_listed(account, key).count() for key in FINDING_VIEWS}
    context = {
        "page": page,
        "rows": [(finding, queries.age(finding)) for finding in page.object_list],
        "view": view,
        "q": model,
        "severity": severity,
        "chosen": Severity(severity).label if severity else "any",
        "tabs": [_tab(key, label, counts[key], view) for key, label in FINDING_VIEWS.items()],
        "severities": [_severity(value, label, view, severity) for value, label in [("", "Any"), *Severity.choices]],
    }
    return render(request, "validation/findings.html", context)


def _tab(key: str, label: str, count: int, view: str) -> dict[str, Any]:
    return {"url": f"?view={key}", "label": label, "count": count, "current": key == view}


def _severity(value: str, label: str, view: str, chosen: str) -> dict[str, Any]:
    return {"url": f"?view={view}&severity={value}", "label": label, "current": value == chosen}


def _finding(request: HttpRequest, pk: object) -> Finding:
    return get_object_or_404(queries.findings_visible_to(account_of(request)), pk=pk)


@require_GET
def finding(request: HttpRequest, pk: object) -> HttpResponse:
    """The story of a finding, and what may be done next."""
    return _story(request, _finding(request, pk))


def _story(request: HttpRequest, found: Finding, bound: tuple[str, forms.Form] | None = None) -> HttpResponse:
    offers = queries.finding_moves(found, account_of(request))
    built = {offer.move.name: WORDS[offer.move.name](prefix=offer.move.name) for offer in offers} | dict(
        [bound] if bound else []
    )
    context = {
        "finding": found,
        "moves": [(offer, built[offer.move.name]) for offer in offers],
        "age": queries.age(found),
        "asked": found.asked,
        "acceptances": queries.acceptances_of(found.validation.version.model).filter(finding=found),
        "events": queries.story(found)[:100],
    }
    return render(request, "validation/finding.html", context, status=422 if bound else 200)


@takes_forms_only
def move(request: HttpRequest, pk: object, name: str) -> HttpResponse:
    """One step of a finding, with the words that belong to it."""
    if name not in WORDS:
        raise Http404
    found = _finding(request, pk)
    form = WORDS[name](request.POST, request.FILES, prefix=name)
    if not form.is_valid():
        return _story(request, found, (name, form))
    given = dict(form.cleaned_data)
    file = given.pop("file", None)
    if file:
        given |= {"chunks": file.chunks(), "filename": file.name}
    made = getattr(services, name)(found, **given, actor=account_of(request))
    if isinstance(made, Proposal):
        messages.success(request, f"Put before the signers in {made.request.ref}.")
    return redirect(found)
