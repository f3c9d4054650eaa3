"""The choice among the alternatives of a run: shown on its page, proposed or decided on one of its own."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.core.refusal import Invalid
from mrm.evaluation import queries, services
from mrm.evaluation.forms import ChoiceForm
from mrm.evaluation.models import Run
from mrm.inventory.queries.tabs import Panel


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _choose(request, pk, decides=False)


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _choose(request, pk, decides=True)


def _choose(request: HttpRequest, pk: UUID, *, decides: bool) -> HttpResponse:
    account = account_of(request)
    run = get_object_or_404(queries.visible_to(account), pk=pk)
    permit(account, f"evaluation.{'decide' if decides else 'propose'}_alternative", run)
    form = ChoiceForm(request.POST or None, run=run, proposed=queries.proposed_on(run))
    if request.method == "POST" and form.is_valid():
        service = services.decide_alternative if decides else services.propose_alternative
        try:
            made = service(run, **form.choice(), actor=account)
        except Invalid as fault:
            _tell(form, fault)
        else:
            messages.success(request, _("Recorded: %(said)s.") % {"said": made.said})
            return redirect(made)
    closed = queries.closed_decision(run, account) if decides else queries.closed_proposal(run, account)
    context = {"run": run, "form": form, "decides": decides, "closed": closed}
    return render(request, "evaluation/choose.html", context, status=422 if form.errors else 200)


def _tell(form: ChoiceForm, fault: Invalid) -> None:
    for name, sentences in fault.fields.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)


def choice_panel(run: Run, account: Account) -> Panel:
    """What was chosen among the alternatives, by whom and why, and the doors to propose or decide."""
    return Panel("evaluation/_choice.html", {"run": run, **queries.choice_panel(run, account)})
