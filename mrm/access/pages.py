"""What every page shares: who asks, and a list cut into pages."""

from typing import Any, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from mrm.access.models import Account


def account_of(request: HttpRequest) -> Account:
    """The account behind a request; the middleware lets nobody else through."""
    return cast(Account, request.user)


def page_of(request: HttpRequest, rows: "QuerySet[Any] | list[Any]", size: int = 50) -> "Page[Any]":
    """The page of a list that the address asks for; a page that does not exist is the nearest one."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
