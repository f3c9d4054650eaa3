"""What every page shares: who asks, and a list cut into pages."""

import json
from typing import Any, cast

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from mrm.access import queries
from mrm.access.models import Account
from mrm.core.canonical import digest
from mrm.core.chooser import FEWEST_LETTERS, MOST_SHOWN, Chooser


def account_of(request: HttpRequest) -> Account:
    """The account behind a request; the middleware lets nobody else through."""
    return cast(Account, request.user)


def page_of(
    request: HttpRequest, rows: "QuerySet[Any] | list[Any]", size: int = 50, count: int | None = None
) -> "Page[Any]":
    """The page of a list that the address asks for; a page that does not exist is the nearest one.

    A list that was counted already says so by `count`, and is not counted again.
    """
    pages = Paginator(rows, size)
    if count is not None:
        pages.count = count
    return pages.get_page(request.GET.get("page"))


def options_of(request: HttpRequest, kind: type[Chooser], rows: "QuerySet[Any]") -> HttpResponse:
    """The rows that a chooser offers for the letters typed; too few letters find nothing."""
    text = request.GET.get("q", "").strip()
    short = len(text) < FEWEST_LETTERS
    found = [] if short else list(kind.matching(rows, text)[: MOST_SHOWN + 1])
    lines = [(row.pk, *kind.lines(row)) for row in found[:MOST_SHOWN]]
    context = {
        "options": [{"value": key, "first": first, "second": second} for key, first, second in lines],
        "more": len(found) > MOST_SHOWN,
        "short": short,
        "fewest": FEWEST_LETTERS,
        "text": text,
    }
    return render(request, "core/options.html", context)


def signing_of(statement: dict[str, Any], token: str, *, form: Form, account: Account, seconds: int) -> dict[str, Any]:
    """What a page needs that shows a statement word for word and takes the signature under it."""
    return {
        "statement": statement,
        "statement_digest": digest(statement),
        "token": token,  # of the statement that is shown, also when another was sent
        "form": form,
        "ways": queries.ways(account),
        "key_options": json.dumps(queries.key_options(statement, account)),
        "party": settings.RELYING_PARTY,
        "seconds": seconds,
        "unit": account.person.unit,
    }
