"""Rows as they were known at a moment, put together again from the trail alone."""

import datetime as dt
import operator
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from django.db import models
from django.db.models import Q

from mrm.audit.models import Change
from mrm.audit.reading import Words

Rows = dict[str, dict[str, Any]]


def rows_at(wanted: Mapping[type[models.Model], Iterable[Any]], moment: dt.datetime) -> dict[type[models.Model], Rows]:
    """For each kind of record its rows by key, as every change up to the moment left them; one query."""
    keys = {kind: [str(key) for key in keys] for kind, keys in wanted.items()}
    reach = reduce(operator.or_, (Q(table=kind._meta.db_table, row__in=of) for kind, of in keys.items()))
    changes = Change.objects.filter(reach, event__at__lte=moment).order_by("id")
    found: dict[str, Rows] = {kind._meta.db_table: {} for kind in keys}
    for table, row, op, after in changes.values_list("table", "row", "op", "after"):
        if op == "delete":
            found[table].pop(row, None)
        else:
            found[table][row] = {**found[table].get(row, {}), **(after or {})}
    return {kind: found[kind._meta.db_table] for kind in keys}


def in_words(*states: Mapping[type[models.Model], Rows]) -> list[dict[type[models.Model], Rows]]:
    """The same rows with every value in words, the names of other records as the trail calls them; one query for all."""
    words = Words(
        (kind, column, value)
        for state in states
        for kind, rows in state.items()
        for row in rows.values()
        for column, value in row.items()
    )
    return [{kind: _told(kind, rows, words) for kind, rows in state.items()} for state in states]


def _told(kind: type[models.Model], rows: Rows, words: Words) -> Rows:
    return {key: {column: words.of(kind, column, value) for column, value in row.items()} for key, row in rows.items()}
