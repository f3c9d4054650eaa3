"""How long requests wait against what their policy allows: those that are open, and those that were decided."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Aggregate, Count, DurationField, F, Max, Q, QuerySet
from django.utils import timezone

from mrm.access.models import Account, BusinessUnit
from mrm.access.queries import unit_ids_for, units_within
from mrm.signoff import queries as signoff
from mrm.signoff.models import Policy, Request, RequestState
from mrm.signoff.policies import Clock, Verdict, clock, evaluate

BATCH = 500
HOUR = 3600.0
# a request that was taken back was not decided
DECIDED = (RequestState.APPROVED, RequestState.REJECTED, RequestState.RETURNED)


@dataclass(frozen=True)
class Waiting:
    """An open request with the clock of its open stage; `allowed` is how many hours the policy gives that stage."""

    request: Request
    verdict: Verdict
    clock: Clock | None
    allowed: float
    now: float

    @property
    def stage(self) -> str:
        for number, stage in enumerate(self.request.policy.content["stages"], start=1):
            if stage["id"] == self.verdict.stage:
                total = len(self.request.policy.content["stages"])
                return f"{stage.get('title', stage['id'].capitalize())}, stage {number} of {total}"
        return "Signed; takes effect later" if self.verdict.state == "cooling" else "Not settled"

    @property
    def left(self) -> float | None:
        """Hours until the open stage is due, negative when it is over; none where no signature is waited for."""
        return (self.clock.due - self.now) / HOUR if self.clock else None

    @property
    def used(self) -> float | None:
        return None if self.left is None else self.allowed - self.left

    @property
    def over(self) -> float:
        """Hours over what the stage is given; zero while it is in time."""
        return max(0.0, -self.left) if self.left is not None else 0.0

    @property
    def paused(self) -> bool:
        return self.clock is not None and self.clock.paused


@dataclass(frozen=True)
class Pace:
    """How fast requests under one policy and of one tier were decided; all spans in hours."""

    policy: str
    title: str
    tier: str
    decided: int
    in_time: int
    median: float
    ninetieth: float
    longest: float
    allowed: float


class Percentile(Aggregate):
    """The value below which a fraction of the rows lies, between two rows by straight line."""

    function = "percentile_cont"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def audited_requests(account: Account, unit: BusinessUnit | None = None) -> QuerySet[Request]:
    """Requests on subjects of the units that the account audits; of one unit and those below it, if one is named."""
    found = Request.objects.filter(unit__in=unit_ids_for(account, "audit.view"))
    if unit:
        found = found.filter(unit__in=units_within([unit]).order_by().values("pk"))
    return found.select_related("policy", "unit", "submitted_by__person").defer("subject_content")


def open_of(requests: QuerySet[Request]) -> QuerySet[Request]:
    return requests.filter(status=RequestState.OPEN)


def overdue_of(requests: QuerySet[Request]) -> QuerySet[Request]:
    """Open ones whose due day has passed."""
    return open_of(requests).filter(due__lt=timezone.localdate())


def decided_of(requests: QuerySet[Request], since: dt.date | None, until: dt.date | None) -> QuerySet[Request]:
    """Those decided by their signers, on days in UTC between the two, both included."""
    found = requests.filter(status__in=DECIDED)
    if since:
        found = found.filter(decided_at__gte=dt.datetime.combine(since, dt.time.min, dt.UTC))
    if until:
        found = found.filter(decided_at__lt=dt.datetime.combine(until + dt.timedelta(days=1), dt.time.min, dt.UTC))
    return found


def waiting(requests: Iterable[Request]) -> list[Waiting]:
    """Each request with its clock; a number of queries that does not grow with them."""
    listed = list(requests)
    return [_waiting(request, on) for on in [signoff.ground(listed)] for request in listed] if listed else []


def all_waiting(requests: QuerySet[Request]) -> Iterator[Waiting]:
    """The same for a list of any length, a batch at a time."""
    rows = requests.iterator(BATCH)
    while batch := list(islice(rows, BATCH)):
        yield from waiting(batch)


def _waiting(request: Request, on: signoff.Ground) -> Waiting:
    policy = request.policy.content
    past = signoff.history_of(request, on, candidates=False)
    verdict = evaluate(policy, past)
    allowed = {stage["id"]: float(stage["sla_hours"]) for stage in policy["stages"]}
    return Waiting(request, verdict, clock(policy, past, verdict), allowed.get(verdict.stage, 0.0), past.now)


def paces(decided: QuerySet[Request]) -> list[Pace]:
    """Median and 90th percentile of the time from submission to decision, for each policy and tier."""
    span = F("decided_at") - F("submitted_at")
    rows = list(
        decided.order_by("policy__key", "tier").values("policy__key", "tier").annotate(
            decided=Count("pk"), in_time=Count("pk", filter=Q(decided_at__date__lte=F("due"))),
            median=Percentile(span, fraction=0.5), ninetieth=Percentile(span, fraction=0.9), longest=Max(span),
        )
    )  # fmt: skip
    keys = {row["policy__key"] for row in rows}
    newest = Policy.objects.filter(key__in=keys).order_by("key", "-version").distinct("key")
    known = {policy.key: policy for policy in newest}
    return [_pace(row, known[row["policy__key"]]) for row in rows]


def _pace(row: Mapping[str, Any], policy: Policy) -> Pace:
    spans = {name: row[name].total_seconds() / HOUR for name in ("median", "ninetieth", "longest")}
    return Pace(
        policy.key, policy.title, row["tier"], row["decided"], row["in_time"], **spans,
        allowed=float(sum(stage["sla_hours"] for stage in policy.content["stages"])),
    )  # fmt: skip
