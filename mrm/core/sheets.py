"""A table as CSV, sent line by line however long it is."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from numbers import Number
from typing import Any

from django.http import StreamingHttpResponse

# what a spreadsheet would run as a formula when a cell begins with it
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(filename: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """The rows under their heading as a download; what a spreadsheet would run is made text."""
    answer = StreamingHttpResponse(_lines(head, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


class _Echo:
    def write(self, line: str) -> str:
        return line


def _lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(head)
    for row in rows:
        yield writer.writerow([safe(cell) for cell in row])


def safe(cell: Any) -> str:
    """The value as one field of a table that a spreadsheet opens: numbers as they are, text never a formula."""
    if cell is None:
        return ""
    text = str(cell)
    return f"'{text}" if text.startswith(FORMULA) and not isinstance(cell, Number) else text
