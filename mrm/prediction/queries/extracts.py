"""Parts of the log as files: those that there are, and the rows that one holds."""

import datetime as dt
from collections.abc import Iterator

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.access.queries import unit_ids_for
from mrm.core import blobs
from mrm.deployment.models import Deployment
from mrm.prediction.models import Alert, Extract, Prediction
from mrm.prediction.queries.days import archives
from mrm.prediction.queries.finding import VIEW

ASK = "prediction.request_extract"
CHUNK = 20_000


def extracts_visible_to(account: Account) -> QuerySet[Extract]:
    """Extracts of models of the units for which the account may ask for one."""
    found = Extract.objects.filter(model__unit__in=unit_ids_for(account, ASK))
    return found.select_related("model__unit", "requested_by__person") if account.may(ASK) else found.none()


def alerts_visible_to(account: Account) -> QuerySet[Alert]:
    """Alerts about the log itself, for whoever reads it; the open ones first."""
    found = Alert.objects.select_related("closed_by__person").order_by("-status", "-opened_at")
    return found if account.may(VIEW) else found.none()


def rows_of(extract: Extract) -> Iterator[Prediction]:
    """What was answered by the endpoints of the model in the period, from the archive and from the database."""
    from mrm.prediction.queries import parquet  # noqa: PLC0415  pyarrow loads in workers only

    keys = list(Deployment.objects.filter(model=extract.model_id).values_list("pk", flat=True))
    filters = [("deployment_id", "in", [str(key) for key in keys])]
    for file in archives().filter(day__gte=extract.since, day__lte=extract.until).order_by("day", "part"):
        path = blobs.fetch(file.sha256)
        try:
            yield from parquet.stream(path, filters)
        finally:
            path.unlink()
    begins = dt.datetime.combine(extract.since, dt.time(), dt.UTC)
    ends = dt.datetime.combine(extract.until, dt.time(), dt.UTC) + dt.timedelta(days=1)
    found = Prediction.objects.filter(deployment__in=keys, at__gte=begins, at__lt=ends)
    yield from found.order_by("at", "file", "line").iterator(chunk_size=CHUNK)
