"""The queue, the decision, the signature."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect, retarget

from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.access.queries import key_options
from mrm.access.roles import Role
from mrm.core.canonical import digest
from mrm.core.methods import takes_forms_only
from mrm.core.refusal import Invalid
from mrm.signoff import queries, services
from mrm.signoff.forms import (
    AnswerForm,
    CommentForm,
    Conditions,
    DecisionForm,
    QuestionForm,
    RecusalForm,
    SignForm,
    WithdrawForm,
    condition_rows,
)
from mrm.signoff.models import Decision, Request, dated

SHOWN = 15  # so many are judged and drawn for one answer; more would keep the reader waiting
TABS = (("waiting", "Waiting for you"), ("open", "All open"), ("decided", "Decided"))


@require_GET
def waiting(request: HttpRequest) -> HttpResponse:
    """The number beside the menu's item, fetched after the page, so that no page waits for it."""
    return render(request, "signoff/_waiting.html", {"count": queries.waiting_count(account_of(request))})


def _find(request: HttpRequest, pk: object) -> Request:
    return get_object_or_404(queries.visible_to(account_of(request)), pk=pk)


def _go(request: HttpRequest, url: str) -> HttpResponse:
    """Away to the page that shows the result, also from a part of a page."""
    return HttpResponseClientRedirect(url) if getattr(request, "htmx", False) else redirect(url)


@require_GET
def requests(request: HttpRequest) -> HttpResponse:
    """Requests by when they are due: those that wait for the reader, all open, and those decided."""
    account = account_of(request)
    view, tier = request.GET.get("view") or "waiting", request.GET.get("tier", "")
    view = view if view in dict(TABS) else "waiting"
    number = queries.tally(account)
    waiting = queries.waiting(account, of_roles=number.for_roles)
    shown: Any = waiting
    if view == "waiting" and tier:
        shown = queries.waiting(account, tier, of_roles=number.for_roles)
    elif view != "waiting":
        shown = queries.open_requests(account) if view == "open" else queries.decided_requests(account)
        shown = shown.filter(tier=tier) if tier else shown
    today = timezone.localdate()
    mine, late = queries.waiting_numbers(waiting, number)
    overdue = {"waiting": late, "open": number.open_overdue, "decided": 0}[view]
    if tier and view != "decided":
        overdue = queries.number_of(shown, due_before=today)
    counts = {"waiting": mine, "open": number.open, "decided": number.decided}
    page = page_of(request, shown, SHOWN, None if tier else counts[view])
    rows = queries.queue(page.object_list, account)
    return render(
        request,
        "signoff/requests.html",
        {
            "view": view,
            "tabs": [_tab(key, label, view, counts[key]) for key, label in TABS],
            "tiers": [_tier(view, value, tier) for value in ("", "1", "2", "3", "4")],
            "tier": f"tier {tier}" if tier else "any",
            "most": queries.MOST_AT_ONCE,
            "groups": queries.grouped(rows, today) if view != "decided" else [],
            "picks": view != "decided" and any(row.mine and not row.changed for row in rows),
            "overdue": overdue,
            "page": page,
            "decided": rows if view == "decided" else [],
        },
    )


def _tab(key: str, label: str, view: str, count: int) -> dict[str, Any]:
    return {"url": f"?view={key}", "label": label, "count": count, "current": key == view}


def _tier(view: str, value: str, chosen: str) -> dict[str, Any]:
    return {
        "url": f"?view={view}&tier={value}",
        "label": f"Tier {value}" if value else "Any",
        "current": value == chosen,
    }


@require_GET
def request_page(request: HttpRequest, pk: object) -> HttpResponse:
    """The decision page."""
    return render(request, "signoff/request.html", _sheet(request, _find(request, pk)))


def _sheet(request: HttpRequest, asked: Request) -> dict[str, Any]:
    account = account_of(request)
    reading = queries.Reading(asked)
    sheet = queries.sheet(reading, account)
    same = queries.asked_by_others(asked, account)
    covered = {entry.condition.get("gate") for entry in same}
    rows = condition_rows([gate for gate in sheet.missing if gate.key not in covered], queries.default_due())
    party = str(account.person_id) in reading.parties()
    lacks = account.lacks("approval.withdraw_request", asked)
    principals = queries.stand_ins(reading, account)
    himself = not sheet.why_not
    as_whom = None if himself else next(iter(principals), None)
    may = sheet.open and (himself or bool(principals))
    return {
        "asked": asked,
        "sheet": sheet,
        "form": DecisionForm(draft=f"decision-{asked.pk}", principals=principals, himself=himself),
        "may_sign": may,
        "principals": principals,
        **_beside(reading, sheet, account),
        "same": same,
        "conditions": Conditions(initial=rows, prefix="c", form_kwargs={"gates": sheet.gates}),
        "comments": asked.comments.select_related("person"),
        "comment": CommentForm(prefix="say"),
        "may_comment": account.lacks("signoff.comment", asked) is None,
        "withdraw": WithdrawForm(prefix="away") if sheet.open and party and not lacks else None,
        "role": Role(queries.roles_used(reading, account, as_whom)[0]).label.lower() if may else "",
    }


def _beside(reading: queries.Reading, sheet: queries.Sheet, account: Account) -> dict[str, Any]:
    """What may be done beside the decision: ask, answer, step aside, ask further people; each with why it is closed."""
    asked = reading.request
    questions = list(asked.questions.select_related("person", "answered_by"))
    behind = str(account.person_id) in reading.behind()
    stage: dict[str, Any] = next(
        (each for each in asked.policy.content["stages"] if each["id"] == sheet.verdict.stage), {}
    )
    return {
        "questions": questions,
        "ask": QuestionForm(prefix="ask") if sheet.open and not sheet.why_not else None,
        "answer": AnswerForm(prefix="answer") if sheet.open and behind else None,
        "recuse": RecusalForm(prefix="recuse") if sheet.open and not sheet.why_not else None,
        "escalates_to": stage.get("escalate_to", "")
        if sheet.open and not account.lacks("signoff.escalate", asked)
        else "",
    }


@takes_forms_only
def compose(request: HttpRequest, pk: object) -> HttpResponse:
    """Make the statement that will be signed, and show it word for word."""
    account, asked = account_of(request), _find(request, pk)
    same = {entry.key: dict(entry.condition) for entry in queries.asked_by_others(asked, account)}
    reading = queries.Reading(asked)
    principals = queries.stand_ins(reading, account)
    form = DecisionForm(request.POST, same=same, principals=principals)
    rows = Conditions(request.POST, prefix="c", form_kwargs={"gates": reading.gates})
    if not (form.is_valid() and rows.is_valid()):
        return _faulty(request, form, rows)
    try:
        statement, token = services.compose(
            asked,
            decision=form.cleaned_data["decision"],
            rationale=form.cleaned_data["rationale"],
            conditions=_conditions(form, rows, same),
            actor=account,
            on_behalf_of=next((one for one in principals if str(one.pk) == form.cleaned_data["on_behalf_of"]), None),
        )
    except Invalid as fault:
        form.take(fault)
        return _faulty(request, form, rows)
    return _dialog(request, asked, statement, token, account)


def _conditions(form: DecisionForm, rows: Any, same: dict[str, dict[str, str]]) -> list[dict[str, str]]:
    """Rows belong to an approval; conditions of others only to an approval with conditions."""
    decision = form.cleaned_data["decision"]
    if decision not in {Decision.APPROVE, Decision.CONDITIONS}:
        return []
    given = [row.condition for row in rows.forms if row.condition]
    if decision == Decision.CONDITIONS:
        given = [same[key] for key in form.cleaned_data["same"]] + given
    return given


def _faulty(request: HttpRequest, form: DecisionForm, rows: Any) -> HttpResponse:
    faults = [fault for row in rows.forms for fault in row.errors.items()] if rows.is_bound else []
    return render(request, "signoff/_faults.html", {"form": form, "faults": faults}, status=422)


def _dialog(
    request: HttpRequest, asked: Request, statement: dict[str, Any], token: str, account: Account
) -> HttpResponse:
    shown = {
        "asked": asked,
        "statement": statement,
        "stated": dated(statement["conditions"]),
        "statement_digest": digest(statement),
        "decision": Decision(statement["decision"]).label,
        "role": Role(statement["role"]).label.lower(),
        "unit": account.person.unit,
        "seconds": asked.policy.content["signature"]["max_age_s"],
        "sign": SignForm(initial={"token": token}, auto_id="sign_%s"),
        "ways": queries.ways(asked, account),
        "key_options": json.dumps(key_options(statement, account)),
        "party": settings.RELYING_PARTY,
    }
    if getattr(request, "htmx", False):
        return retarget(render(request, "signoff/_sign.html", shown), "#signing")
    return render(request, "signoff/request.html", _sheet(request, asked) | shown)


@sensitive_post_parameters("password", "code")
@takes_forms_only
def sign(request: HttpRequest, pk: object) -> HttpResponse:
    """Record the signature under the statement that was read."""
    asked = _find(request, pk)
    form = SignForm(request.POST)
    if not form.is_valid():
        return render(request, "signoff/_faults.html", {"form": form}, status=422)
    vote = services.sign(asked, **form.cleaned_data, actor=account_of(request))
    messages.success(
        request,
        f"Signed: {vote.get_decision_display().lower()}. The statement's digest is {vote.statement_digest[:12]}….",
    )
    return _go(request, asked.get_absolute_url())


@takes_forms_only
def withdraw(request: HttpRequest, pk: object) -> HttpResponse:
    """Take the question back."""
    asked, form = _find(request, pk), WithdrawForm(request.POST, prefix="away")
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    services.withdraw(asked, reason=reason, actor=account_of(request))
    messages.success(request, f"{asked.ref} is withdrawn.")
    return _go(request, asked.get_absolute_url())


@takes_forms_only
def comment(request: HttpRequest, pk: object) -> HttpResponse:
    """Add to the discussion."""
    asked, form = _find(request, pk), CommentForm(request.POST, prefix="say")
    text = form.cleaned_data["text"] if form.is_valid() else ""
    services.comment(asked, text=text, actor=account_of(request))
    return _go(request, f"{asked.get_absolute_url()}#talk")
