"""The register of what is borne for a time: exceptions from clauses of policy, and accepted risks of findings."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.approval.queries.evidence import clauses
from mrm.inventory.models import Model
from mrm.inventory.queries import models_visible_to
from mrm.validation.models import RiskAcceptance

RISK_VIEWS = ("in_force", "soon", "ended")
SOON = dt.timedelta(days=30)  # so long before its end a renewal or a remedy is due


@dataclass(frozen=True)
class Borne:
    """A line of the register: what is borne, and where it stands today."""

    entry: RiskAcceptance
    title: str
    today: dt.date

    @property
    def kind(self) -> str:
        return "Accepted risk" if self.entry.finding else "Exception"

    @property
    def days_left(self) -> int:
        return (self.entry.until - self.today).days

    @property
    def in_force(self) -> bool:
        return self.entry.ended_at is None and self.days_left >= 0

    @property
    def soon(self) -> bool:
        return self.in_force and self.entry.until < self.today + SOON

    @property
    def ended_on(self) -> dt.date | None:
        """The day on which it ended: when it was taken back, or the last day that was signed for."""
        if self.in_force:
            return None
        ended = self.entry.ended_at
        return min(self.entry.until, timezone.localdate(ended)) if ended else self.entry.until


def risks_visible_to(account: Account) -> QuerySet[RiskAcceptance]:
    """What is or was borne on models that the account sees."""
    return RiskAcceptance.objects.filter(model__in=models_visible_to(account)).select_related(
        "model__unit", "model__owner", "finding", "request"
    )


def risks_listed(account: Account, view: str, unit: BusinessUnit | None = None) -> QuerySet[RiskAcceptance]:
    """A view of the register: in force, ending soon, or ended; on a unit and below it when one is given."""
    found = _on(risks_visible_to(account), unit).filter(_views()[view])
    return found.order_by("-until", "-pk") if view == "ended" else found.order_by("until", "pk")


def risk_counts(account: Account, unit: BusinessUnit | None = None) -> dict[str, int]:
    """How many each view of the register holds."""
    found = _on(risks_visible_to(account), unit).order_by()
    return found.aggregate(**{view: Count("pk", filter=condition) for view, condition in _views().items()})


def borne(entries: Iterable[RiskAcceptance]) -> list[Borne]:
    """Lines of the register, each with what it is about in words."""
    found, today = list(entries), timezone.localdate()
    models = {each.model_id for each in found if each.clause}
    titles = clauses(models) if models else {}
    return [Borne(each, _title(each, titles), today) for each in found]


def risks_of(model: Model, account: Account) -> QuerySet[RiskAcceptance]:
    """What is borne on a model today, the next to end first."""
    return risks_listed(account, "in_force").filter(model=model)


def _views() -> dict[str, Q]:
    today = timezone.localdate()
    running = Q(ended_at=None, until__gte=today)
    return dict(zip(RISK_VIEWS, (running, running & Q(until__lt=today + SOON), ~running), strict=True))


def _on(found: QuerySet[RiskAcceptance], unit: BusinessUnit | None) -> QuerySet[RiskAcceptance]:
    return found.filter(model__unit__path__startswith=unit.path) if unit else found


def _title(entry: RiskAcceptance, titles: Mapping[str, str]) -> str:
    return str(entry.finding) if entry.finding else titles.get(entry.clause, entry.clause)
