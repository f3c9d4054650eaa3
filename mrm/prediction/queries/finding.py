"""Find answers: in the days of the database, and in archived days whose files are read."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.access.queries import unit_ids_for
from mrm.audit.queries import reads_everything
from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.deployment.models import Deployment
from mrm.prediction.models import Archive, Prediction
from mrm.prediction.queries.days import archives, of_day

VIEW, VIEW_INPUTS = "prediction.view", "prediction.view_inputs"
MOST = 50


@dataclass
class Found:
    """What was found, and what of the archive could not be read, each with its sentence."""

    rows: list[Prediction] = field(default_factory=list)
    unread: list[tuple[Archive, Refused]] = field(default_factory=list)


def deployments_visible_to(account: Account) -> QuerySet[Deployment]:
    """Endpoints of models of the units for which the account may read the log."""
    found = Deployment.objects.filter(model__unit__in=unit_ids_for(account, VIEW))
    return found.select_related("model__unit", "target")


def visible_to(account: Account) -> QuerySet[Prediction]:
    """The rows in the database that the account may read; those of endpoints not on record open to who reads everything."""
    if not account.may(VIEW):
        return Prediction.objects.none()
    if reads_everything(account):
        return Prediction.objects.all()
    return Prediction.objects.filter(deployment__in=deployments_visible_to(account))


def by_request(request: str, account: Account, *, on: dt.date | None = None, archived: bool = True) -> Found:
    """Every answer under a request id: of one day, else of the database and then of the archive, newest day first."""
    rows = visible_to(account).filter(request=request)
    if on:
        rows = rows & of_day(on)
    found = Found(list(rows[:MOST]))
    if not archived and not on:
        return found
    _from_archive(found, account, [("request", "=", request)], archives().filter(day=on) if on else archives())
    return found


def shadows_of(prediction: Prediction, account: Account) -> list[Prediction]:
    """What shadows answered to the same request, of the same days as the answer itself."""
    near = [prediction.at.date(), (prediction.at + dt.timedelta(hours=1)).date()]
    rows = visible_to(account).filter(parent=prediction.request, at__gte=prediction.at - dt.timedelta(minutes=1))
    found = Found(list(rows.filter(at__lte=prediction.at + dt.timedelta(days=1)).order_by("role", "at")[:MOST]))
    _from_archive(found, account, [("parent", "=", prediction.request)], archives().filter(day__in=near))
    return found.rows


def _from_archive(
    found: Found, account: Account, filters: list[tuple[str, str, str]], files: Iterable[Archive]
) -> None:
    """Add what the files hold; whether a row opens to the account is asked of its endpoint, as in the database."""
    if not account.may(VIEW):
        return
    allowed = None if reads_everything(account) else set(deployments_visible_to(account).values_list("pk", flat=True))
    for file in files:
        if len(found.rows) >= MOST:
            return
        try:
            rows = read_archive(file, filters)
        except Refused as refusal:
            found.unread.append((file, refusal))
            continue
        found.rows += [row for row in rows if allowed is None or row.deployment_id in allowed]


def read_archive(file: Archive, filters: list[tuple[str, str, str]]) -> list[Prediction]:
    """Rows of an archived day, once the digest of the whole file was found to be the recorded one."""
    from mrm.prediction.queries import parquet  # noqa: PLC0415  pyarrow loads for old days only

    path = blobs.fetch(file.sha256)
    try:
        return parquet.read(path, filters)
    finally:
        path.unlink()
