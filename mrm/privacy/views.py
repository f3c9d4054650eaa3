"""Erasure on pages: what was asked, what stands against it, what went and what stayed."""

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
from mrm.privacy import queries, services
from mrm.privacy.forms import ErasureForm


@require_safe
def erasures(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "audit.view", None)
    page = page_of(request, queries.visible_to(account))
    states = queries.states_of(page)
    rows = [(each, states[str(each.pk)]) for each in page]
    return render(request, "privacy/erasures.html", {"page": page, "rows": rows})


@require_safe
def erasure(request: HttpRequest, pk: UUID) -> HttpResponse:
    found = get_object_or_404(queries.visible_to(account_of(request)), pk=pk)
    asked = queries.request_of(found)
    context = {
        "erasure": found,
        "asked": asked,
        "state": queries.states_of([found])[str(found.pk)],
        "gates": [] if found.erased_at else queries.gates(found.person),
    }
    return render(request, "privacy/erasure.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    person = get_object_or_404(persons_visible_to(account), pk=pk)
    permit(account, "privacy.ask_erasure", person)
    form = ErasureForm(request.POST or None)
    if form.is_valid():
        try:
            made = services.ask(person, reason=form.cleaned_data["reason"], actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("Asked. The signers decide; nothing is erased before."))
            return redirect(made)
    context = {"form": form, "person": person, "gates": queries.gates(person)}
    return render(request, "privacy/ask.html", context, status=422 if form.errors else 200)
