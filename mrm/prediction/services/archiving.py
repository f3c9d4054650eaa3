"""Move full days out of the database into files known by their digest."""

import datetime as dt
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from django.db import DatabaseError, connection, transaction

from mrm.audit.trail import audited, describe
from mrm.core import blobs
from mrm.core.actors import Actor
from mrm.prediction import queries
from mrm.prediction.models import Archive, Prediction
from mrm.prediction.services.alerts import LOG
from mrm.prediction.services.days import WAIT

log = structlog.get_logger(__name__)
CHUNK = 20_000


def archive_due() -> list[Archive]:
    """Archive what is older than the log keeps in the database; a day to which rows still come waits for the next time."""
    made = []
    for day in queries.days_due():
        try:
            made += [found] if (found := archive_day(day)) else []
        except DatabaseError as error:
            log.warning("a day of the prediction log was not archived", day=str(day), error=str(error))
    return made


def archive_day(day: dt.date) -> Archive | None:
    """Write the day as a file, then record it and take it out of the database in one transaction; None when it is empty."""
    from mrm.prediction.queries import parquet  # noqa: PLC0415  pyarrow loads in workers and for old days only

    with TemporaryDirectory(prefix="mrm-predictions-") as folder:
        target = Path(folder) / f"{day}.parquet"
        if not (rows := parquet.write(_sorted(day), target)):
            return None
        with target.open("rb") as source:
            kept = blobs.put(iter(lambda: source.read(blobs.CHUNK), b""), largest=sys.maxsize)
    return archive(day=day, sha256=kept.sha256, size=kept.size, rows=rows, actor=LOG)


@audited("prediction.archive", "archived the {subject}: {rows} rows, digest {digest}")
def archive(*, day: dt.date, sha256: str, size: int, rows: int, actor: Actor) -> Archive:
    """Record the file of a day and drop the day; the database refuses when it holds another number of rows."""
    part = Archive.objects.filter(day=day).count() + 1
    made = Archive.objects.create(day=day, part=part, sha256=sha256, size=size, rows=rows)
    describe(rows=rows, digest=f"{sha256[:12]}…", sha256=sha256)
    with connection.cursor() as cursor:
        cursor.execute(WAIT)
        cursor.execute("SELECT prediction_drop_day(%s)", [day])
    made.refresh_from_db()
    return made


def _sorted(day: dt.date) -> Iterator[Prediction]:
    with transaction.atomic():
        rows = queries.of_day(day).order_by("request", "at", "file", "line")
        yield from rows.iterator(chunk_size=CHUNK)
