"""What differs from the log, as a page: look, have it compared anew, explain."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.audit import services, work
from mrm.audit.integrity import last_replay, open_findings
from mrm.audit.models import IntegrityFinding
from mrm.audit.queries import reads_everything
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Forbidden


@require_safe
def findings(request: HttpRequest) -> HttpResponse:
    """The findings that wait for an explanation, or all of them."""
    account = _auditor(request)
    every = "all" in request.GET
    shown = IntegrityFinding.objects.all() if every else open_findings()
    page = Paginator(shown, 50).get_page(request.GET.get("page"))
    context = {
        "findings": page,
        "every": every,
        "replay": last_replay(),
        "explain_lacking": account.lacks("audit.explain_finding", None),
        "replay_lacking": account.lacks("audit.replay", None),
    }
    return render(request, "audit/findings.html", context)


@takes_forms_only
def replay(request: HttpRequest) -> HttpResponse:
    """Have the live rows compared with the log, now."""
    account = _auditor(request)
    permit(account, "audit.replay", None)
    job = work.ask_for_replay(actor=account)
    messages.success(request, _("A worker compares the live rows with the log."))
    return redirect("jobs:job", job.pk)


@takes_forms_only
def explain(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = _auditor(request)
    finding = get_object_or_404(IntegrityFinding, pk=pk)
    services.explain(finding, reason=request.POST.get("reason", ""), actor=account)
    messages.success(request, _("The finding is explained; it stays on record with what you said."))
    return redirect("audit:findings")


def _auditor(request: HttpRequest) -> Any:
    account: Any = request.user
    permit(account, "audit.view", None)
    if not reads_everything(account):
        raise Forbidden("What differs from the log opens to who audits the whole institution.")
    return account
