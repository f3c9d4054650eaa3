"""Reports on duties: who holds which role."""

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
from mrm.assurance.forms import HolderFilter, well_formed
from mrm.core.actors import permit
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
        "tabs": _tabs("oversight:roles"),
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


def _auditor(request: HttpRequest) -> Account:
    account = account_of(request)
    permit(account, "audit.view", None)
    return account


def _tabs(current: str) -> list[dict[str, Any]]:
    named = [("oversight:roles", _("Roles held"))]
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
