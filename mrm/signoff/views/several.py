"""Several requests beside each other: each read, decided and signed by itself."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from mrm.access.models import Account
from mrm.access.pages import account_of
from mrm.access.roles import Role
from mrm.core.canonical import digest
from mrm.core.methods import takes_forms_only
from mrm.signoff import queries, services
from mrm.signoff.forms import SeriesForm, SingleForm
from mrm.signoff.models import Decision, Request

Decider = tuple[queries.Single, SingleForm]


def _picked(request: HttpRequest) -> list[str]:
    """What was picked in the queue stands in the address, so that signing in again in between leads back to all of it."""
    return request.GET.getlist("asked") or request.POST.getlist("asked")


def _chosen(request: HttpRequest, picked: Iterable[str]) -> list[Request]:
    """The requests with these keys; one that is not seen is not found."""
    try:
        keys = {UUID(key) for key in picked}
    except ValueError as error:
        raise Http404 from error
    found = queries.chosen(account_of(request), keys)
    if len(found) != len(keys):
        raise Http404
    return found


@require_http_methods(["GET", "HEAD", "POST"])
def several(request: HttpRequest) -> HttpResponse:
    """Each request with all that bears on it and a decision of its own; posted, the statements to be read."""
    account = account_of(request)
    deciders = [_decider(request, single) for single in queries.several(_chosen(request, _picked(request)), account)]
    if request.method != "POST" or "back" in request.POST:
        return _decide(request, deciders)
    open_here = [(single.request, form) for single, form in deciders if not single.alone]
    if not all(form.is_valid() for _, form in open_here):
        return _decide(request, deciders, trouble="Nothing was signed. Correct what stands beside the decisions first.")
    decided = [
        services.Decided(asked, form.cleaned_data["decision"], form.cleaned_data["rationale"])
        for asked, form in open_here
        if not form.is_left
    ]
    if not decided:
        return _decide(request, deciders, trouble="Nothing was decided: choose a decision for at least one request.")
    return _read(request, services.compose_each(decided, actor=account), SeriesForm(), account)


def _decider(request: HttpRequest, single: queries.Single) -> Decider:
    given = request.POST if request.method == "POST" and not single.alone else None
    return single, SingleForm(given, prefix=f"d-{single.request.pk}")


def _query(request: HttpRequest) -> str:
    """What was picked, to be put behind an address."""
    return urlencode([("asked", key) for key in _picked(request)])


def _decide(request: HttpRequest, deciders: Sequence[Decider], trouble: str = "") -> HttpResponse:
    shown = {
        "deciders": deciders,
        "trouble": trouble,
        "any": any(not single.alone for single, _ in deciders),
        "picked": _query(request),
    }
    return render(request, "signoff/several.html", shown, status=422 if trouble else 200)


def _read(
    request: HttpRequest, laid: Sequence[services.Laid], form: SeriesForm, account: Account, trouble: str = ""
) -> HttpResponse:
    """The statements, word for word, above the one thing that confirms who signs."""
    statements = [_shown(each) for each in laid if not each.refusal]
    shown = {
        "statements": statements,
        "refused": [each for each in laid if each.refusal],
        "picked": _query(request),
        "form": form,
        "trouble": trouble,
        "unit": account.person.unit,
        "seconds": min((_seconds_left(each) for each in laid if not each.refusal), default=0),
    }
    faulty = bool(form.errors or trouble or not statements)
    return render(request, "signoff/several_read.html", shown, status=422 if faulty else 200)


def _seconds_left(laid: services.Laid) -> int:
    """How long the statement may still be signed."""
    age = timezone.now() - dt.datetime.fromisoformat(laid.statement["time"])
    return max(0, int(laid.request.policy.content["signature"]["max_age_s"] - age.total_seconds()))


def _shown(laid: services.Laid) -> dict[str, Any]:
    return {
        "asked": laid.request,
        "statement": laid.statement,
        "token": laid.token,
        "statement_digest": digest(laid.statement),
        "decision": Decision(laid.statement["decision"]).label,
        "role": Role(laid.statement["role"]).label.lower(),
    }


@sensitive_post_parameters("password")
@takes_forms_only
def sign_several(request: HttpRequest) -> HttpResponse:
    """Record each signature under the statement that was read, and say of each what became of it."""
    account, form = account_of(request), SeriesForm(request.POST)
    tokens = [
        (asked, request.POST.get(f"token-{asked.pk}", "")) for asked in _chosen(request, request.POST.getlist("asked"))
    ]
    if not form.is_valid():
        return _read(request, services.read_each(tokens), form, account)
    given = services.sign_each(tokens, password=form.cleaned_data["password"], actor=account)
    stopped = next((each.refusal for each in given if each.unconfirmed), "")
    if stopped and not any(each.vote for each in given):
        return _read(request, services.read_each(tokens), SeriesForm(), account, trouble=stopped)
    signed = sum(each.vote is not None for each in given)
    shown = {"given": given, "signed": signed, "refused": len(given) - signed}
    return render(request, "signoff/several_signed.html", shown, status=200 if signed else 409)
