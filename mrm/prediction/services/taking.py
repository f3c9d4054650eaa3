"""Take complete files of the spool into the log: many in one transaction, each exactly once."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from mrm.prediction.models import AlertKind, TakenFile
from mrm.prediction.policies import COLUMNS
from mrm.prediction.queries import days_kept
from mrm.prediction.services import spool
from mrm.prediction.services.alerts import LOG, raise_alert
from mrm.prediction.services.counting import Counts, count
from mrm.prediction.services.days import make_days
from mrm.prediction.services.spool import Spooled
from mrm.prediction.services.standing import look_at

log = structlog.get_logger(__name__)
TAKER = 0x70726564  # one taker at a time holds this lock
NUMBERS = "SELECT nextval(pg_get_serial_sequence('prediction_takenfile', 'id')) FROM generate_series(1, %s)"
COPY = f"COPY prediction_log (file, line, {', '.join(COLUMNS)}) FROM STDIN"
PIECE = 200  # so many lines are handed over at once: the server writes them while the next ones are read


@dataclass(frozen=True)
class Taken:
    """What one pass took in."""

    files: int = 0
    rows: int = 0
    bad: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(self.files + other.files, self.rows + other.rows, self.bad + other.bad)


class _NoPlace(Exception):
    """A line is of a day that the log has no place for yet."""


def take(folders: Iterable[Path] | None = None) -> Taken:
    """Take in every complete file there is now; what another taker is at is left to it."""
    total = Taken()
    for paths in spool.batches(spool.waiting(settings.PREDICTION_FOLDERS if folders is None else folders)):
        files = [read for path in paths if (read := _opened(path))]
        now = timezone.now()
        try:
            total += _take(files, now)
        except _NoPlace:
            make_days({line.row.day for file in files for _, line in spool.lines(file, now)})
            total += _take(files, now)
    return total


def _opened(path: Path) -> Spooled | None:
    try:
        return spool.opened(path)
    except FileNotFoundError:  # another taker was here
        return None
    except OSError as error:  # it stays where it is, and is tried again
        log.warning("a file of the prediction log cannot be read", file=str(path), error=str(error))
        return None


def _take(files: Sequence[Spooled], now: dt.datetime) -> Taken:
    """One transaction; a file goes when it is committed. Killed before that, it is taken anew; after, it is known."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TAKER])
            if not cursor.fetchone()[0]:
                return Taken()
        fresh = _fresh(files)
        counts = _copy(fresh, now)
        _record(fresh)
        count(counts)
        look_at(counts.answers)
        _set_aside(file for file in fresh.values() if file.bad)
        for file in files:
            transaction.on_commit(partial(file.path.unlink, missing_ok=True))
    return Taken(len(fresh), counts.taken, sum(len(file.bad) for file in fresh.values()))


def _fresh(files: Sequence[Spooled]) -> dict[int, Spooled]:
    """The files that were not taken before, each under the number that it will be known by."""
    by_digest = {file.sha256: file for file in files}
    known = set(TakenFile.objects.filter(sha256__in=by_digest).values_list("sha256", flat=True))
    fresh = [file for digest, file in by_digest.items() if digest not in known]
    with connection.cursor() as cursor:
        cursor.execute(NUMBERS, [len(fresh)])
        return dict(zip((number for (number,) in cursor.fetchall()), fresh, strict=True))


def _copy(files: Mapping[int, Spooled], now: dt.datetime) -> Counts:
    """Read the lines while the server writes those before them; what they amount to."""
    counts, days = Counts(), set(days_kept())
    with connection.cursor() as cursor, cursor.cursor.copy(COPY) as target:
        for key, file in files.items():
            lines = spool.lines(file, now)
            while piece := list(islice(lines, PIECE)):
                if not days.issuperset({line.row.day for _, line in piece}):
                    raise _NoPlace
                counts.add(line.row for _, line in piece)
                target.write("".join([f"{key}\t{number}\t{line.copied}\n" for number, line in piece]))
    return counts


def _record(files: Mapping[int, Spooled]) -> None:
    """Write down which files these are."""
    TakenFile.objects.bulk_create(
        TakenFile(
            pk=key, name=file.path.name[:200], sha256=file.sha256, size=len(file.content), rows=file.kept,
            bad=len(file.bad),
        )
        for key, file in files.items()
    )  # fmt: skip


def _set_aside(files: Iterable[Spooled]) -> None:
    """Keep what is no line beside the spool, and say so once until somebody has looked into it."""
    for file in files:
        spool.set_aside(file)
        number, sentence, _ = file.bad[0]
        told = (
            f"{len(file.bad)} lines of {file.path.name} were set aside in a file beside it; the first is line {number}."
        )
        raise_alert(AlertKind.LINES, sentence=f"{told} {sentence}", actor=LOG)
