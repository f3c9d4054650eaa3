"""The rows of a day, page by page: a page goes on after the last row of the one before it, whatever came meanwhile."""

import datetime as dt
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from mrm.access.models import Account
from mrm.core.refusal import Invalid
from mrm.deployment.models import Deployment
from mrm.prediction.models import Prediction
from mrm.prediction.queries.days import of_day
from mrm.prediction.queries.finding import visible_to
from mrm.prediction.queries.units import hashes_of

PAGE = 50


@dataclass(frozen=True)
class Page:
    """Rows, the newest first, and where the next page goes on; empty when this is the last."""

    rows: list[Prediction]
    older: str


def listed(
    account: Account,
    day: dt.date,
    *,
    deployment: Deployment | None = None,
    unit: str = "",
    flagged: bool = False,
    outcome: str = "",
    before: str = "",
) -> Page:
    """The rows of a day in the database that the account may read, narrowed."""
    found = visible_to(account) & of_day(day)
    if deployment:
        found = found.filter(deployment=deployment)
    if unit:
        found = found.filter(unit_hash__in=hashes_of(unit))
    if flagged:
        found = found.exclude(flags=[])
    if outcome:
        found = found.filter(outcome=outcome)
    return _page(_after(found, before))


def _after(found: QuerySet[Prediction], before: str) -> QuerySet[Prediction]:
    if not before:
        return found
    try:
        at, file, line = before.rsplit(".", 2)
        moment, key, number = dt.datetime.fromisoformat(at), int(file), int(line)
    except ValueError:
        raise Invalid(
            "before is taken from the answer of the page before, as it stands.", fields={"before": ["Unknown."]}
        ) from None
    earlier = Q(at__lt=moment) | Q(at=moment, file__lt=key) | Q(at=moment, file=key, line__lt=number)
    return found.filter(earlier, at__lte=moment)


def _page(found: QuerySet[Prediction]) -> Page:
    rows = list(found.order_by("-at", "-file", "-line").select_related("deployment")[: PAGE + 1])
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return Page(rows[:PAGE], f"{last.at.isoformat()}.{last.file}.{last.line}" if last else "")
