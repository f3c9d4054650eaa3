"""What a day was like, from the counts by the hour: no page counts rows, whatever the day holds."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from mrm.access.models import Account
from mrm.audit.queries import reads_everything
from mrm.prediction.models import Hour, Outcome
from mrm.prediction.queries.finding import VIEW, deployments_visible_to
from mrm.prediction.queries.latency import quantile

HOURS = 24
FLOOR, TOP, LEFT, STRIDE = 124, 8, 4, 30  # of the drawn bars
QUANTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
SUMS = "SELECT e.key, sum(e.value::bigint)::bigint FROM ({}) AS h, jsonb_each_text(h.{}) AS e GROUP BY e.key ORDER BY 2 DESC, 1"


@dataclass(frozen=True)
class HourCount:
    """The answers of one hour."""

    hour: int
    answers: int
    flagged: int
    failed: int

    @property
    def label(self) -> str:
        return f"{self.hour:02d}:00"


@dataclass(frozen=True)
class Bar:
    """One hour as the page draws it: places within a picture of 720 by 150."""

    label: str
    x: int
    height: float
    flagged_height: float

    @property
    def top(self) -> float:
        return round(FLOOR - self.height, 1)

    @property
    def flagged_top(self) -> float:
        return round(FLOOR - self.flagged_height, 1)

    @property
    def labelled(self) -> bool:
        return self.x % (6 * STRIDE) == LEFT


@dataclass(frozen=True)
class DayCounts:
    """The counts of a day: by hour, by flag, by what answered, and the quantiles of the time an answer took."""

    day: dt.date
    hours: list[HourCount]
    outcomes: dict[str, int]
    flagged: int
    flags: list[tuple[str, int]]
    answered: list[dict[str, Any]]
    micros: dict[str, float | None]

    @property
    def answers(self) -> int:
        return sum(self.outcomes.values())

    @property
    def refused(self) -> int:
        return self.outcomes.get(Outcome.REFUSED, 0)

    @property
    def failed(self) -> int:
        return self.outcomes.get(Outcome.FAILED, 0)

    @property
    def unanswered(self) -> int:
        return self.refused + self.failed

    @property
    def most(self) -> int:
        """The answers of the busiest hour."""
        return max(each.answers for each in self.hours)

    @property
    def bars(self) -> list[Bar]:
        """The hours as bars, the busiest at full height."""
        unit = (FLOOR - TOP) / (self.most or 1)
        return [
            Bar(each.label, LEFT + STRIDE * each.hour, round(unit * each.answers, 1), round(unit * each.flagged, 1))
            for each in self.hours
        ]


def hours_visible_to(account: Account, deployment: UUID | None = None) -> QuerySet[Hour]:
    """The counts of the endpoints whose log the account may read."""
    if not account.may(VIEW):
        return Hour.objects.none()
    found = Hour.objects.all()
    if not reads_everything(account):
        found = found.filter(deployment_id__in=deployments_visible_to(account).values("pk"))
    return found.filter(deployment_id=deployment) if deployment else found


def last_day(account: Account) -> dt.date | None:
    """The last day on which anything that the account may read was answered."""
    last = hours_visible_to(account).order_by("-hour").values_list("hour", flat=True).first()
    return last.date() if last else None


def day_counts(day: dt.date, account: Account, deployment: UUID | None = None) -> DayCounts:
    """The counts of one day in UTC; five queries."""
    begins = dt.datetime.combine(day, dt.time(), dt.UTC)
    found = hours_visible_to(account, deployment).filter(hour__gte=begins, hour__lt=begins + dt.timedelta(days=1))
    found = found.order_by()
    by_hour = {each["hour"].hour: each for each in _by_hour(found)}
    nothing = {"n": 0, "flags_seen": 0, "failures": 0}
    hours = [
        HourCount(place, told["n"], told["flags_seen"] or 0, told["failures"] or 0)
        for place in range(HOURS)
        for told in [by_hour.get(place, nothing)]
    ]
    outcomes = {each["outcome"]: each["n"] for each in found.values("outcome").annotate(n=Sum("answers"))}
    answered = found.values("deployment_id", "revision", "role", "version", "digest").annotate(n=Sum("answers"))
    micros = dict(_sums(found, "micros"))
    return DayCounts(
        day=day,
        hours=hours,
        outcomes=outcomes,
        flagged=sum(each.flagged for each in hours),
        flags=_sums(found, "flags"),
        answered=[dict(each) for each in answered.order_by("-n")[:HOURS]],
        micros={name: quantile(micros, share) for name, share in QUANTILES},
    )


def _by_hour(found: QuerySet[Hour]) -> list[dict[str, Any]]:
    failures = Sum("answers", filter=~Q(outcome=Outcome.SERVED))
    counted = found.values("hour").annotate(n=Sum("answers"), flags_seen=Sum("flagged"), failures=failures)
    return [dict(each) for each in counted]


def _sums(found: QuerySet[Hour], name: str) -> list[tuple[str, int]]:
    """The sums of a column of counts by name."""
    inner, values = found.values(name).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(SUMS.format(inner, name), values)
        return [(key, count) for key, count in cursor.fetchall()]
