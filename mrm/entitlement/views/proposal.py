"""Roles that sign on pages: propose one, and where a proposal stands."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of, page_of
from mrm.access.queries import persons_visible_to
from mrm.core.actors import permit
from mrm.core.refusal import Invalid
from mrm.entitlement import queries, services
from mrm.entitlement.forms import ProposalForm
from mrm.signoff import queries as signoff


@require_safe
def proposals(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "view", None)
    page = page_of(request, queries.proposals_visible_to(account), 25)
    return render(request, "entitlement/proposals.html", {"page": page, "rows": queries.standings(page)})


@require_safe
def proposal(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(queries.proposals_visible_to(account_of(request)), pk=pk)
    standing = queries.standing(found)
    asked = standing.request if standing.is_open else None
    candidates = signoff.candidates(signoff.Reading(asked)) if asked else []
    context = {"proposal": found, "row": standing, "gates": queries.gates(found), "candidates": candidates}
    return render(request, "entitlement/proposal.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    person = get_object_or_404(persons_visible_to(account), pk=pk)
    permit(account, "entitlement.propose", None)
    form = ProposalForm(request.POST or None, account=account, person=person)
    if form.is_valid():
        given = dict(form.cleaned_data)
        try:
            made = services.propose(given.pop("account"), **given, actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("Proposed. Others sign; nothing is granted before."))
            return redirect(made)
    context = {"form": form, "person": person}
    return render(request, "entitlement/propose.html", context, status=422 if form.errors else 200)
