"""Exports in reach, and the state of the log."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from mrm.access.models import Account
from mrm.assurance.models import Export, ScopeKind
from mrm.assurance.workflow import ExportState
from mrm.audit.models import Checkpoint, LogKey, Pending
from mrm.audit.queries import reads_everything
from mrm.inventory.models import Model
from mrm.inventory.queries import models_visible_to


@dataclass(frozen=True)
class LogState:
    """How far the log is: the last checkpoint, what waits for a place, since when, and who signs."""

    checkpoint: Checkpoint | None
    waiting: int
    waiting_since: dt.datetime | None
    keys: list[str]

    @property
    def size(self) -> int:
        return self.checkpoint.size if self.checkpoint else 0


def log_state() -> LogState:
    oldest = Pending.objects.order_by("position").select_related("event").first()
    keys = list(LogKey.objects.values_list("vkey", flat=True))
    since = oldest.event.at if oldest else None
    return LogState(Checkpoint.objects.first(), Pending.objects.count() if oldest else 0, since, keys)


def visible_to(account: Account) -> QuerySet[Export]:
    """Exports of models in reach; those of the whole log to who audits the whole institution."""
    if account.lacks("assurance.export", None):
        return Export.objects.none()
    reach = Q(scope=ScopeKind.OBJECT, model__in=models_visible_to(account))
    if reads_everything(account):
        reach |= ~Q(scope=ScopeKind.OBJECT)
    return Export.objects.filter(reach).select_related("model__unit", "requested_by__person")


def waiting_like(scope: str, model: Model | None, since: int) -> Export | None:
    """The export of the same scope that is being made, if one is."""
    return Export.objects.filter(status=ExportState.QUEUED, scope=scope, model=model, since=since).first()
