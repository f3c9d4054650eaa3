"""Reports on duties: what was refused, how long requests wait, and who holds which role."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mrm.access.models import Account
from mrm.access.pages import account_of, page_of
from mrm.access.roles import Role
from mrm.assurance import queries
from mrm.assurance.forms import AgeingFilter, DutyFilter, HolderFilter
from mrm.audit.pages import LongList
from mrm.audit.queries import reads_everything
from mrm.core.actors import permit
from mrm.core.forms import well_formed
from mrm.core.refusal import Forbidden
from mrm.core.sheets import csv_answer

HELD = (
    "person",
    "email",
    "account",
    "role",
    "unit",
    "since",
    "granted_by",
    "until",
    "ended",
    "revoked_by",
    "account_closed",
)
WAITING = (
    "request", "subject", "policy", "tier", "unit", "submitted_by", "submitted", "due", "stage", "stage_hours",
    "hours_used", "hours_left", "clock_stands_still",
)  # fmt: skip
DECISIONS = (
    "request", "subject", "policy", "tier", "unit", "submitted", "due", "decided", "outcome", "hours", "in_time",
)  # fmt: skip
ATTEMPTS = ("at", "who", "verb", "attempt", "reasons", "kind", "unit", "record", "event")
MOST_SHOWN = 50  # of what should not be there at all


@require_safe
def attempts(request: HttpRequest) -> HttpResponse:
    """What was refused, roles held together that exclude each other, and people with two parts in one request."""
    account = _whole_auditor(request)
    form = DutyFilter(request.GET, account=account)
    valid = form.is_valid()
    given, common = form.given, form.common
    found = queries.attempts(**given) if valid else queries.no_attempts()
    counts = queries.kind_counts(queries.attempts(**common) if valid else queries.no_attempts())
    listed = sum(each.count for each in counts if given["kind"] in ("", None, each.kind))
    page = LongList(found, 50, listed).get_page(request.GET.get("page"))
    pairs = queries.pairs(**common) if valid else []
    parts = list(queries.double_parts(**common)[: MOST_SHOWN + 1]) if valid else []
    total = sum(each.count for each in counts)
    context = {
        "form": form,
        "page": page,
        "attempts": queries.told(page),
        "total": total,
        "about_duties": sum(each.count for each in counts if each.kind != queries.OTHER),
        "kinds": [
            (each, f"?{_with(request.GET, kind='' if each.kind == given['kind'] else each.kind)}") for each in counts
        ],
        "chosen": given["kind"],
        "pairs": pairs[:MOST_SHOWN],
        "pair_count": len(pairs),
        "parts": parts[:MOST_SHOWN],
        "more_parts": len(parts) > MOST_SHOWN,
        "query": _with(request.GET),
        "filtered": any(given.values()),
        "tabs": _tabs("oversight:attempts", account),
    }
    return render(request, "assurance/duties.html", context, status=200 if valid else 422)


@require_safe
def attempts_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The refused attempts as CSV."""
    account = _whole_auditor(request)
    given = well_formed(DutyFilter(request.GET, account=account)).given
    rows = (
        (
            _iso(each.event.at), each.event.actor_name, each.event.verb, each.entry.attempt,
            " ".join(each.entry.refusals), each.kind, each.unit, each.event.subject_label, str(each.event.pk),
        )
        for each in queries.all_told(queries.attempts(**given))
    )  # fmt: skip
    return csv_answer("refused-attempts.csv", ATTEMPTS, rows)


@require_safe
def ageing(request: HttpRequest) -> HttpResponse:
    """How long open requests wait against what their policy allows, and how fast others were decided."""
    account = _auditor(request)
    form = AgeingFilter(request.GET, account=account)
    form.is_valid()
    given = form.given
    requests = queries.audited_requests(account, given["unit"])
    waits, late = queries.open_of(requests), queries.overdue_of(requests)
    page = page_of(request, late if given["overdue"] else waits)
    counts = waits.count(), late.count()
    context = {
        "form": form,
        "page": page,
        "waiting": queries.waiting(page),
        "open_count": counts[0],
        "overdue_count": counts[1],
        "paces": queries.paces(queries.decided_of(requests, given["since"], given["until"])),
        "query": _with(request.GET),
        "filtered": any(given.values()),
        "tabs": _tabs("oversight:ageing", account),
        "views": [
            {"label": _("Open"), "count": counts[0], "url": f"?{_with(request.GET, overdue='')}",
             "current": not given["overdue"]},
            {"label": _("Overdue"), "count": counts[1], "url": f"?{_with(request.GET, overdue='on')}",
             "current": bool(given["overdue"])},
        ],
    }  # fmt: skip
    return render(request, "assurance/duties_ageing.html", context, status=422 if form.errors else 200)


@require_safe
def ageing_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The open requests as CSV."""
    account = _auditor(request)
    given = well_formed(AgeingFilter(request.GET, account=account)).given
    requests = queries.audited_requests(account, given["unit"])
    found = queries.overdue_of(requests) if given["overdue"] else queries.open_of(requests)
    rows = (
        (
            each.request.ref, each.request.subject_label, str(each.request.policy), each.request.tier,
            each.request.unit.key, each.request.submitted_by.name, _iso(each.request.submitted_at),
            each.request.due.isoformat(), each.stage, each.allowed, _hours(each.used), _hours(each.left),
            "yes" if each.paused else "no",
        )
        for each in queries.all_waiting(found)
    )  # fmt: skip
    return csv_answer("open-requests.csv", WAITING, rows)


@require_safe
def decided_csv(request: HttpRequest) -> StreamingHttpResponse:
    """Every decision of the period as CSV, one line each."""
    account = _auditor(request)
    given = well_formed(AgeingFilter(request.GET, account=account)).given
    found = queries.decided_of(queries.audited_requests(account, given["unit"]), given["since"], given["until"])
    rows = (
        (
            asked.ref, asked.subject_label, str(asked.policy), asked.tier, asked.unit.key, _iso(asked.submitted_at),
            asked.due.isoformat(), _iso(asked.decided_at), asked.status,
            _hours((asked.decided_at - asked.submitted_at).total_seconds() / 3600) if asked.decided_at else None,
            "yes" if asked.decided_at and asked.decided_at.date() <= asked.due else "no",
        )
        for asked in found.order_by("decided_at", "number").iterator(1000)
    )  # fmt: skip
    return csv_answer("decided-requests.csv", DECISIONS, rows)


@require_safe
def roles(request: HttpRequest) -> HttpResponse:
    """Who holds which role since when, granted by whom, until when, as of a day."""
    account = _auditor(request)
    form = HolderFilter(request.GET, account=account)
    valid = form.is_valid()
    moment = queries.moment_of(form.cleaned_data.get("on"))
    grants = queries.role_grants(account, moment=moment, **form.conditions()) if valid else queries.no_grants()
    page = page_of(request, grants)
    counts = queries.persons_by_role(grants)
    context = {
        "form": form,
        "page": page,
        "holdings": queries.holdings(page, moment),
        "open_persons": queries.open_persons(account, page),
        "moment": moment,
        "counts": [
            {"label": Role(role).label, "count": counts[role], "url": f"?{_with(request.GET, role=role)}"}
            for role in Role.values
            if role in counts
        ],
        "query": _with(request.GET),
        "filtered": valid and bool(form.conditions() or form.cleaned_data.get("on")),
        "tabs": _tabs("oversight:roles", account),
    }
    return render(request, "assurance/duties_roles.html", context, status=200 if valid else 422)


@require_safe
def roles_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The whole list as CSV."""
    account = _auditor(request)
    form = well_formed(HolderFilter(request.GET, account=account))
    moment = queries.moment_of(form.cleaned_data["on"])
    grants = queries.role_grants(account, moment=moment, **form.conditions())
    return csv_answer(f"roles-{moment:%Y-%m-%d}.csv", HELD, _held(queries.all_holdings(grants, moment)))


def _held(holdings: Iterator[queries.Holding]) -> Iterator[tuple[Any, ...]]:
    for each in holdings:
        grant = each.grant
        person = grant.account.person
        revoked_by = grant.revoked_by.name if each.revoked and grant.revoked_by else ""
        yield (
            person.name, person.email, grant.account.username, grant.role, grant.unit.key, _iso(grant.since),
            each.granted_by, _iso(grant.until), _iso(each.ended), revoked_by, _iso(each.closed),
        )  # fmt: skip


def _iso(moment: Any) -> str:
    return moment.isoformat(timespec="seconds") if moment else ""


def _hours(span: float | None) -> float | None:
    return None if span is None else round(span, 1)


def _auditor(request: HttpRequest) -> Account:
    account = account_of(request)
    permit(account, "audit.view", None)
    return account


def _whole_auditor(request: HttpRequest) -> Account:
    account = _auditor(request)
    if not reads_everything(account):
        raise Forbidden("Refused attempts are read by who audits the whole institution: the trail is not cut by unit.")
    return account


def _tabs(current: str, account: Account) -> list[dict[str, Any]]:
    named = [("oversight:ageing", _("Ageing of requests")), ("oversight:roles", _("Roles held"))]
    named.append(("entitlement:exceptions", _("Exceptions")))
    if reads_everything(account):
        named.insert(0, ("oversight:attempts", _("Separation of duties")))
    return [{"label": label, "url": reverse(name), "current": name == current} for name, label in named]


def _with(given: QueryDict, **put: str) -> str:
    """The conditions of the address with others put in, from the first page."""
    rest = given.copy()
    rest.pop("page", None)
    for name, value in put.items():
        rest[name] = value
    for name in [name for name, value in rest.items() if not value]:
        rest.pop(name)
    return rest.urlencode()
