"""A model as it was known at the end of a day: its record, versions, approvals, findings and what ran where."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast
from django.utils import timezone

from mrm.approval.models import Approval, Condition
from mrm.audit.past import Rows, in_words, rows_at
from mrm.audit.reading import label
from mrm.deployment.models import Revision
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Model, Version
from mrm.validation.models import Finding

SILENT = {"id", "number", "revision", "registered_at"}


@dataclass(frozen=True)
class Fact:
    label: str
    then: str
    now: str

    @property
    def changed(self) -> bool:
        return self.then != self.now


@dataclass(frozen=True)
class Past:
    """Each row is a mapping of column to words; `facts` compares the record with today's."""

    moment: dt.datetime
    facts: list[Fact]
    versions: list[dict[str, str]]
    approvals: list[dict[str, Any]]
    findings: list[dict[str, str]]
    running: list[dict[str, str]]

    @property
    def known(self) -> bool:
        return bool(self.facts)

    @property
    def changed(self) -> int:
        return sum(fact.changed for fact in self.facts)


def model_as_of(model: Model, day: dt.date) -> Past:
    """What the trail tells of the model up to the end of a day in UTC; four queries, however long the history is."""
    moment = dt.datetime.combine(day, dt.time.max, dt.UTC)
    keys = _keys(model)
    raw = rows_at(keys, moment)
    then, now = in_words(raw, rows_at({Model: [model.pk]}, timezone.now()))
    record, today = then[Model].get(str(model.pk), {}), now[Model].get(str(model.pk), {})
    facts = [
        Fact(label(Model, column), record.get(column, ""), today.get(column, ""))
        for column in _columns()
        if record and (record.get(column) or today.get(column))
    ]
    approvals = [
        {**row, "conditions": [then[Condition][mine] for mine in _of(raw[Condition], "approval_id", key)]}
        for key, row in then[Approval].items()
    ]
    running = [then[Revision][key] for key in _of(raw[Revision], "status", RevisionState.APPLIED)]
    return Past(moment, facts, list(then[Version].values()), approvals, list(then[Finding].values()), running)


def _columns() -> list[str]:
    """The record's columns in the order in which it is declared."""
    return [str(field.column) for field in Model._meta.concrete_fields if field.column not in SILENT]


def _keys(model: Model) -> dict[type[models.Model], list[str]]:
    """The keys of everything that hangs on a model; rows are never taken away, so today's keys are all there ever were."""
    hanging: dict[type[models.Model], QuerySet[Any]] = {
        Model: Model.objects.filter(pk=model.pk),
        Version: Version.objects.filter(model=model),
        Approval: Approval.objects.filter(version__model=model),
        Condition: Condition.objects.filter(approval__version__model=model),
        Finding: Finding.objects.filter(validation__version__model=model),
        Revision: Revision.objects.filter(deployment__model=model),
    }
    kinds = list(hanging)
    first, *others = [
        rows.order_by().values_list(Value(place), Cast("pk", CharField()))
        for place, rows in enumerate(hanging.values())
    ]
    found: dict[type[models.Model], list[str]] = {kind: [] for kind in kinds}
    for place, key in first.union(*others, all=True):
        found[kinds[place]].append(key)
    return found


def _of(rows: Rows, column: str, value: str) -> list[str]:
    return [key for key, row in rows.items() if row.get(column) == value]
