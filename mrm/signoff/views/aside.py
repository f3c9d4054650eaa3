"""What people do beside the votes: ask, answer, step aside, ask further people, and let another stand in."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.signoff import queries, services
from mrm.signoff.forms import AnswerForm, DelegationForm, QuestionForm, RecusalForm
from mrm.signoff.models import Request


def _find(request: HttpRequest, pk: object) -> Request:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


@takes_forms_only
def ask(request: HttpRequest, pk: object) -> HttpResponse:
    """Ask those behind a request; the clock of the stage stands still until they answer."""
    asked, form = _find(request, pk), QuestionForm(request.POST, prefix="ask")
    text = form.cleaned_data["text"] if form.is_valid() else ""
    services.ask(asked, text=text, actor=account_of(request))
    messages.success(request, "Asked; the clock stands still until it is answered.")
    return redirect(f"{asked.get_absolute_url()}#questions")


@takes_forms_only
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer a question; the clock runs on."""
    question = get_object_or_404(queries.questions_visible_to(account_of(request)), pk=pk)
    form = AnswerForm(request.POST, prefix="answer")
    text = form.cleaned_data["text"] if form.is_valid() else ""
    services.answer(question, text=text, actor=account_of(request))
    return redirect(f"{question.request.get_absolute_url()}#questions")


@takes_forms_only
def recuse(request: HttpRequest, pk: object) -> HttpResponse:
    """Step aside for good."""
    asked, form = _find(request, pk), RecusalForm(request.POST, prefix="recuse")
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    services.recuse(asked, reason=reason, actor=account_of(request))
    messages.success(request, f"You have stepped aside from {asked.ref}.")
    return redirect(asked)


@takes_forms_only
def escalate(request: HttpRequest, pk: object) -> HttpResponse:
    """Open an overdue stage to further people."""
    asked = _find(request, pk)
    services.escalate(asked, actor=account_of(request))
    messages.success(request, "Further people may sign; how many must stays as it was.")
    return redirect(asked)


@require_http_methods(["GET", "HEAD", "POST"])
def delegations(request: HttpRequest) -> HttpResponse:
    """Who stands in for whom, given and held; and letting another sign in one's place."""
    account = account_of(request)
    form = DelegationForm(request.POST or None, account=account)
    if form.is_valid():
        try:
            given = form.cleaned_data
            services.delegate(given["to"], **form.period(), reason=given["reason"], actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, f"{given['to']} may sign in your place until the end of that day.")
            return redirect("signoff:delegations-page")
    context = {
        "form": form,
        "closed": account.lacks("signoff.delegate", None),
        "delegations": queries.delegations_of(account),
        "mine": account.person_id,
    }
    return render(request, "signoff/delegations.html", context, status=422 if form.errors else 200)


@takes_forms_only
def end_delegation(request: HttpRequest, pk: int) -> HttpResponse:
    """End it at once."""
    found = get_object_or_404(queries.delegations_of(account_of(request)), pk=pk)
    services.end_delegation(found, actor=account_of(request))
    messages.success(request, "The delegation is ended; votes given before stand.")
    return redirect("signoff:delegations-page")
