"""Pages of a list that is too long to be counted: a page knows whether another one follows, not how many."""

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet


class LongPage(Page):  # type: ignore[type-arg]  # Django gives it no subscript at run time
    """A page that was read one row further than it shows."""

    def __init__(self, rows: Sequence[Any], number: int, paginator: "LongList") -> None:
        super().__init__(rows[: paginator.per_page], number, paginator)
        self.more = len(rows) > paginator.per_page

    def has_next(self) -> bool:
        return self.more

    def next_page_number(self) -> int:
        return self.number + 1

    def previous_page_number(self) -> int:
        return self.number - 1

    def start_index(self) -> int:
        return (self.number - 1) * self.paginator.per_page + 1 if self.object_list else 0

    def end_index(self) -> int:
        return (self.number - 1) * self.paginator.per_page + len(self.object_list)


class LongList(Paginator):  # type: ignore[type-arg]  # the same
    """Cuts a long list into pages. `total` is how many rows there are, if that is known otherwise; without, it is known
    once the last page is reached."""

    def __init__(self, rows: "QuerySet[Any]", per_page: int, total: int | None = None) -> None:
        super().__init__(rows, per_page)
        self.total = total

    @property
    def count(self) -> int | None:  # type: ignore[override]  # None where it is not known
        return self.total

    def get_page(self, number: int | float | str | None) -> LongPage:
        """The page of this number; the first one for a number that is none, or too high."""
        told = str(number)
        wanted = int(told) if told.isascii() and told.isdecimal() and len(told) < 10 else 1
        page = self._read(max(wanted, 1))
        return page if page.object_list or page.number == 1 else self._read(1)

    def _read(self, number: int) -> LongPage:
        first = (number - 1) * self.per_page
        page = LongPage(list(self.object_list[first : first + self.per_page + 1]), number, self)
        if self.total is None and not page.more and page.object_list:
            self.total = page.end_index()
        elif not page.object_list and number == 1:
            self.total = 0
        return page
