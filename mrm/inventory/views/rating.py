"""The rating of a model: the scorecard with its result, the override, the validator's agreement."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mrm.access.forms import take_refusal
from mrm.access.pages import account_of
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.inventory import forms, policies, queries, services
from mrm.inventory.models import Model, Pack, PackKind
from mrm.inventory.views.answers import carried_out
from mrm.signoff import services as signoff


@require_http_methods(["GET", "HEAD", "POST"])
def rate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Shows what the answers compute to; `save` keeps them."""
    account = account_of(request)
    model = get_object_or_404(queries.models_visible_to(account), pk=pk)
    permit(account, "inventory.rate", model)
    method = queries.current_pack(PackKind.TIERING_METHOD)
    last = model.ratings.first()
    initial = forms.RatingForm.shown(last.answers) if last else {}
    form = forms.RatingForm(request.POST or None, method=method.content, initial=initial)
    if form.is_valid() and "save" in request.POST:
        try:
            rating = services.rate_model(model, answers=form.answers(), actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(
                request, _("Rated tier %(tier)s; provisional until a validator confirms it.") % {"tier": rating.tier}
            )
            return redirect("inventory:model", model.pk)
    answers = form.answers() if form.is_bound and form.is_valid() else (last.answers if last else None)
    context = {
        **queries.model_page(model, account, ""),
        "form": form,
        "method": method,
        "result": _result(method, model, answers) if answers is not None else None,
    }
    return render(request, "inventory/rate.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def override(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    model = get_object_or_404(queries.models_visible_to(account), pk=pk)
    permit(account, "inventory.override_tier", model)
    form = forms.OverrideForm(request.POST or None, initial={"tier": model.tier})
    if made := carried_out(form, lambda: signoff.propose(model, "tier_override", **form.proposal(), actor=account)):
        messages.success(request, _("Proposed; the tier changes when it is signed for."))
        return redirect(made)
    rating = model.ratings.select_related("method", "rated_by__person", "override_by__person").first()
    context = {**queries.model_page(model, account, ""), "form": form, "rating": rating}
    return render(request, "inventory/override.html", context, status=422 if form.errors else 200)


@takes_forms_only
def confirm(request: HttpRequest, pk: UUID) -> HttpResponse:
    account = account_of(request)
    model = services.confirm_tier(get_object_or_404(queries.models_visible_to(account), pk=pk), actor=account)
    messages.success(request, _("The tier is confirmed."))
    return redirect("inventory:model", model.pk)


def _result(method: Pack, model: Model, answers: dict[str, int | None]) -> dict[str, Any]:
    rated = policies.rate(method.content, answers, queries.rating_facts(model))
    floors = [floor for floor in method.content["floors"] if floor["key"] in rated.floors]
    return {
        "rated": rated,
        "materiality": f"{float(rated.materiality_score):.2f}",
        "complexity": f"{float(rated.complexity_score):.2f}",
        "floors": floors,
        "binding": [floor for floor in floors if int(floor["floor"]) == rated.tier < rated.matrix_tier],
        "unanswered": len(policies.unanswered(method.content, answers)),
        "cadence": policies.cadence(method.content, str(rated.tier)),
    }
