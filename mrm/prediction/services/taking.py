"""Take complete files of the spool into the log: many in one transaction, each exactly once."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from mrm.prediction.models import AlertKind, TakenFile
from mrm.prediction.policies import COLUMNS
from mrm.prediction.services import spool
from mrm.prediction.services.alerts import LOG, raise_alert
from mrm.prediction.services.counting import count
from mrm.prediction.services.days import make_days
from mrm.prediction.services.spool import Spooled
from mrm.prediction.services.standing import look_at

log = structlog.get_logger(__name__)
TAKER = 0x70726564  # one taker at a time holds this lock
COPY = f"COPY prediction_log (file, line, {', '.join(COLUMNS)}) FROM STDIN"
CHUNK = 2_000


@dataclass(frozen=True)
class Taken:
    """What one pass took in."""

    files: int = 0
    rows: int = 0
    bad: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(self.files + other.files, self.rows + other.rows, self.bad + other.bad)


def take(folders: Iterable[Path] | None = None) -> Taken:
    """Take in every complete file there is now; what another taker is at is left to it."""
    total = Taken()
    for paths in spool.batches(spool.waiting(settings.PREDICTION_FOLDERS if folders is None else folders)):
        now = timezone.now()
        files = [read for path in paths if (read := _opened(path, now))]
        make_days({line.row.day for file in files for _, line in file.lines})
        total += _take(files)
    return total


def _opened(path: Path, now: dt.datetime) -> Spooled | None:
    try:
        return spool.opened(path, now)
    except FileNotFoundError:  # another taker was here
        return None
    except OSError as error:  # it stays where it is, and is tried again
        log.warning("a file of the prediction log cannot be read", file=str(path), error=str(error))
        return None


def _take(files: Sequence[Spooled]) -> Taken:
    """One transaction; a file goes when it is committed. Killed before that, it is taken anew; after, it is known."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [TAKER])
            if not cursor.fetchone()[0]:
                return Taken()
        fresh = _recorded(files)
        rows = [line.row for _, file in fresh for _, line in file.lines]
        _copy(fresh)
        count(rows)
        look_at(rows)
        _set_aside(file for _, file in fresh if file.bad)
        for file in files:
            transaction.on_commit(partial(file.path.unlink, missing_ok=True))
    return Taken(len(fresh), len(rows), sum(len(file.bad) for _, file in fresh))


def _recorded(files: Sequence[Spooled]) -> list[tuple[int, Spooled]]:
    """Write down which files these are; those that were taken before are not given back."""
    by_digest = {file.sha256: file for file in files}
    known = set(TakenFile.objects.filter(sha256__in=by_digest).values_list("sha256", flat=True))
    made = [
        TakenFile(name=file.path.name[:200], sha256=digest, size=file.size, rows=len(file.lines), bad=len(file.bad))
        for digest, file in by_digest.items()
        if digest not in known
    ]
    return [(each.pk, by_digest[each.sha256]) for each in TakenFile.objects.bulk_create(made)]


def _copy(files: Sequence[tuple[int, Spooled]]) -> None:
    with connection.cursor() as cursor, cursor.cursor.copy(COPY) as target:
        for key, file in files:
            for start in range(0, len(file.lines), CHUNK):
                piece = file.lines[start : start + CHUNK]
                target.write("".join([f"{key}\t{number}\t{line.copied}\n" for number, line in piece]))


def _set_aside(files: Iterable[Spooled]) -> None:
    """Keep what is no line beside the spool, and say so once until somebody has looked into it."""
    for file in files:
        spool.set_aside(file)
        number, sentence, _ = file.bad[0]
        told = (
            f"{len(file.bad)} lines of {file.path.name} were set aside in a file beside it; the first is line {number}."
        )
        raise_alert(AlertKind.LINES, sentence=f"{told} {sentence}", actor=LOG)
