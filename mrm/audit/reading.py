"""Events as people read them: grouped by day, with the fields before and after in words."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import prefetch_related_objects
from django.urls import NoReverseMatch

from mrm.audit.models import Change, Event
from mrm.audit.queries import labels_of, sentence

LONGEST = 400
SILENT = {"id", "revision"}

ICONS = {
    "add": "plus",
    "approve": "ballpen",
    "attach": "upload",
    "cancel": "player-stop",
    "change": "password",
    "confirm": "check",
    "deploy": "rocket",
    "edit": "pencil",
    "fail": "alert-triangle",
    "grant": "key",
    "import": "table-export",
    "issue": "key",
    "link": "link",
    "load": "file-text",
    "override": "scale",
    "raise": "flag",
    "rate": "scale",
    "register": "box",
    "request": "send",
    "retire": "archive",
    "revoke": "key",
    "roll": "arrow-back-up",
    "sign": "lock",
    "start": "player-play",
    "submit": "send",
    "vote": "ballpen",
    "withdraw": "ban",
}


@dataclass(frozen=True)
class FieldChange:
    field: str
    before: str
    after: str


@dataclass
class RowChange:
    """One row that an event touched, and what became different in it."""

    what: str
    op: str
    fields: list[FieldChange]


@dataclass
class Entry:
    event: Event
    rows: list[RowChange] = field(default_factory=list)

    @property
    def icon(self) -> str:
        if self.event.refused:
            return "ban"
        return "ballpen" if self.signed else ICONS.get(self.event.verb.partition(".")[2].split("_")[0], "activity")

    @property
    def kind(self) -> str:
        if self.event.refused:
            return "bad"
        return "ok" if self.signed else ""

    @property
    def signed(self) -> str:
        return str(self.event.details.get("statement_digest", ""))

    @property
    def attempt(self) -> str:
        """What was tried and refused; details that only a success would have told are left out."""
        told = sentence(self.event)
        if "–" not in told:
            return told
        words = self.event.verb.partition(".")[2].replace("_", " ")
        return f"{words}, {self.event.subject_label}"

    @property
    def refusals(self) -> list[str]:
        return list(self.event.details.get("reasons", [])) if self.event.refused else []

    @property
    def updates(self) -> list[FieldChange]:
        """What changed in rows that were there before; a new row is told by the sentence."""
        return [change for row in self.rows if row.op == "update" for change in row.fields]

    @property
    def subject_url(self) -> str:
        return record_url(self.event.subject_type, self.event.subject_id)


@dataclass
class Day:
    date: dt.date
    entries: list[Entry]


def days(events: Iterable[Event]) -> list[Day]:
    """The events by day in UTC, in the order given; a constant number of queries."""
    grouped: list[Day] = []
    for entry in entries(events):
        date = entry.event.at.astimezone(dt.UTC).date()
        if not grouped or grouped[-1].date != date:
            grouped.append(Day(date, []))
        grouped[-1].entries.append(entry)
    return grouped


def entries(events: Iterable[Event]) -> list[Entry]:
    listed = list(events)
    prefetch_related_objects(listed, "changes")
    words = Words(value for event in listed for change in event.changes.all() for value in _values(change))
    return [Entry(event, [_row(change, words) for change in event.changes.all()]) for event in listed]


def record_url(kind: str, key: str) -> str:
    """Where the record of an event is shown; empty when it has no page."""
    try:
        model = apps.get_model(kind)
        return str(model(pk=key).get_absolute_url())
    except (LookupError, AttributeError, NoReverseMatch):
        return ""


def _row(change: Change, words: "Words") -> RowChange:
    model = _table(change.table)
    what = str(model._meta.verbose_name) if model else change.table
    before, after = change.before or {}, change.after or {}
    keys = [key for key in dict.fromkeys([*before, *after]) if key not in SILENT]
    told = [each for key in keys for each in _told(model, key, before.get(key), after.get(key), words)]
    return RowChange(what, change.op, [each for each in told if each.before != each.after])


def _told(
    model: "type[models.Model] | None", key: str, before: Any, after: Any, words: "Words"
) -> "Iterator[FieldChange]":
    """What became different in a column; an object is told by its parts, so that each stands with its before and after."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield FieldChange(label(model, key), words.of(model, key, before), words.of(model, key, after))
        return
    for part in dict.fromkeys([*before, *after]):
        yield FieldChange(f"{label(model, key)}, {part}", _part(before.get(part)), _part(after.get(part)))


def _part(value: Any) -> str:
    return "" if value in ("", None, [], {}) else _plain(value)


def _table(name: str) -> "type[models.Model] | None":
    return next((model for model in apps.get_models(include_auto_created=True) if model._meta.db_table == name), None)


def _column(model: "type[models.Model] | None", key: str) -> "models.Field[Any, Any] | None":
    if model is None:
        return None
    return next((each for each in model._meta.concrete_fields if each.column == key), None)


def label(model: "type[models.Model] | None", key: str) -> str:
    """What people call a column."""
    column = _column(model, key)
    return str(column.verbose_name if column else key.replace("_", " ")).capitalize()


class Words:
    """Values of columns as people read them; the names behind keys are what the trail last called those records."""

    def __init__(self, values: "Iterable[tuple[type[models.Model] | None, str, Any]]") -> None:
        self.found = labels_of(
            {
                (related._meta.label_lower, str(value))
                for model, column, value in values
                if value and (related := _related(_column(model, column)))
            }
        )

    def of(self, model: "type[models.Model] | None", key: str, value: Any) -> str:
        column = _column(model, key)
        if value in ("", None, [], {}):
            return ""
        if related := _related(column):
            return self.found.get((related._meta.label_lower, str(value)), str(value))
        if isinstance(column, models.DateField):
            return _date(str(value))
        if column is not None and column.flatchoices:
            return str(dict(column.flatchoices).get(value, value))
        return _plain(value)


def _related(column: "models.Field[Any, Any] | None") -> "type[models.Model] | None":
    related = column.related_model if column is not None else None
    return related if isinstance(related, type) else None


def _values(change: Change) -> "Iterator[tuple[type[models.Model] | None, str, Any]]":
    model = _table(change.table)
    for side in (change.before or {}, change.after or {}):
        for key, value in side.items():
            yield model, key, value


def _date(text: str) -> str:
    moment = dt.datetime.fromisoformat(text)
    day = f"{moment.day} {moment:%b %Y}"
    return day if len(text) == len("2026-11-21") else f"{day}, {moment.astimezone(dt.UTC):%H:%M} UTC"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        text = "; ".join(map(str, value))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
