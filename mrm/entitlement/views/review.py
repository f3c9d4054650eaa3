"""Access reviews on pages: all of them, one with its progress, and the list of whoever decides."""

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from mrm.access.forms import ReasonForm, take_refusal
from mrm.access.models import Account
from mrm.access.pages import account_of, page_of, signing_of
from mrm.core.actors import permit
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.core.sheets import csv_answer
from mrm.entitlement import queries, services
from mrm.entitlement.forms import ConfirmForm, ReviewForm, SubstituteForm
from mrm.entitlement.models import Review
from mrm.entitlement.workflow import Outcome
from mrm.signoff.forms import SignForm

COLUMNS = ("type", "access", "person", "account", "unit", "until", "outcome", "reason", "decided_by", "decided_at")


@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """Those that the account may watch, and those in which something waits for it."""
    account = account_of(request)
    permit(account, "view", None)
    page = page_of(request, queries.reviews_visible_to(account), 25)
    context = {
        "page": page,
        "rows": page,
        "waiting": queries.waiting_reviews(account),
        "lacks": account.lacks("entitlement.open_review", None),
        "watches": account.may("audit.view"),
    }
    return render(request, "entitlement/reviews.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def open_review(request: HttpRequest) -> HttpResponse:
    account = account_of(request)
    permit(account, "entitlement.open_review", None)
    form = ReviewForm(request.POST or None, account=account)
    if form.is_valid():
        try:
            made = services.open_review(**form.cleaned_data, actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("%(review)s is open; the leads see what waits for them.") % {"review": made})
            return redirect(made)
    return render(request, "entitlement/open_review.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def name_substitute(request: HttpRequest, pk: int) -> HttpResponse:
    account = account_of(request)
    found = get_object_or_404(queries.reviews_visible_to(account), pk=pk)
    permit(account, "entitlement.open_review", found)
    form = SubstituteForm(request.POST or None)
    if form.is_valid():
        try:
            services.name_substitute(found, **form.cleaned_data, actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("%(who)s stands in.") % {"who": form.cleaned_data["substitute"]})
            return redirect(found)
    context = {"form": form, "review": found}
    return render(request, "entitlement/name_substitute.html", context, status=422 if form.errors else 200)


@require_safe
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """The whole review with its progress, for those who look after its people."""
    account = account_of(request)
    found = get_object_or_404(queries.reviews_visible_to(account), pk=pk)
    items = list(queries.items_of(found))
    outcome = request.GET.get("outcome", "")
    shown = [item for item in items if outcome in ("", item.outcome)]
    who = queries.reviewers()
    page = page_of(request, shown)
    lacks = account.lacks("entitlement.complete_review", found)
    context = {
        "review": found,
        "done": queries.progress(found, items),
        "parts": queries.parts(items) if found.is_open else [],
        "page": page,
        "rows": [(item, who.names_of(item) if item.is_pending else []) for item in page],
        "outcomes": [("", _("All")), *Outcome.choices],
        "outcome": outcome,
        "lacks_naming": account.lacks("entitlement.open_review", found),
        "closed": lacks or " ".join(queries.against_completion(found, items)),
        "statement": json.loads(found.statement) if found.statement else None,
        "mine": any(entry.pk == found.pk for entry, _count in queries.waiting_reviews(account)),
    }
    return render(request, "entitlement/review.html", context)


@require_safe
def export(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    found = get_object_or_404(queries.reviews_visible_to(account_of(request)), pk=pk)
    rows = (
        (
            item.content["type"], item.what, item.account.person.name, item.account.username, item.unit.key, item.until,
            item.outcome, item.reason, item.decided_by.name if item.decided_by else "",
            item.decided_at.isoformat(timespec="seconds") if item.decided_at else "",
        )
        for item in queries.items_of(found).iterator(1000)
    )  # fmt: skip
    return csv_answer(f"{found.ref.lower()}.csv", COLUMNS, rows)


@require_safe
def mine(request: HttpRequest, pk: int) -> HttpResponse:
    """What the reader decides on: what waits first, then what he decided."""
    found, account = _of_reviewer(request, pk)
    return _mine(request, found, account, ConfirmForm(keys=()))


@takes_forms_only
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    found, account = _of_reviewer(request, pk)
    form = ConfirmForm(request.POST, keys=[item.pk for item in queries.own_items(found, account)])
    if form.is_valid():
        values = form.cleaned_data
        try:
            services.confirm(found, keys=values["items"], reason=values["reason"], actor=account)
        except Invalid as refusal:
            take_refusal(form, refusal)
        else:
            messages.success(request, _("%(count)s decided.") % {"count": len(values["items"])})
            return redirect("entitlement:my_review", found.pk)
    return _mine(request, found, account, form)


def _of_reviewer(request: HttpRequest, pk: int) -> tuple[Review, Account]:
    """A review in which the reader has a part."""
    account = account_of(request)
    permit(account, "entitlement.review", None)
    found = get_object_or_404(queries.reviews(), pk=pk)
    if not queries.open_to(found, account):
        found = get_object_or_404(queries.reviews_visible_to(account), pk=pk)
    return found, account


def _mine(request: HttpRequest, found: Review, account: Account, form: ConfirmForm) -> HttpResponse:
    own = queries.own_items(found, account)
    context = {
        "review": found,
        "form": form,
        "waiting": [item for item in own if item.is_pending],
        "decided": [item for item in own if not item.is_pending],
        "done": queries.progress(found, own),
        "chosen": form.data.getlist("items") if form.is_bound else [],  # type: ignore[attr-defined]
    }
    return render(request, "entitlement/my_review.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(queries.items(), pk=pk)
    found, account = _of_reviewer(request, row.review_id)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        services.revoke(row, reason=form.cleaned_data["reason"], actor=account)
        messages.success(request, _("Revoked at once: %(what)s.") % {"what": row.what})
        return redirect("entitlement:my_review", found.pk)
    context = {"form": form, "review": found, "item": row, "closed": queries.why_not_decide(row, account)}
    return render(request, "entitlement/revoke.html", context, status=422 if form.errors else 200)


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def attest(request: HttpRequest, pk: int) -> HttpResponse:
    """The statement word for word, and the signature under it."""
    account = account_of(request)
    found = get_object_or_404(queries.reviews_visible_to(account), pk=pk)
    form = SignForm(request.POST or None)
    if form.is_valid():
        services.attest(found, **form.cleaned_data, actor=account)
        messages.success(request, _("%(review)s is completed and attested.") % {"review": found})
        return redirect(found)
    statement, token = services.compose(found, actor=account)
    context = {
        "review": found,
        **signing_of(statement, token, form=form, account=account, seconds=services.FRESH),
    }
    return render(request, "entitlement/attest.html", context, status=422 if form.errors else 200)
