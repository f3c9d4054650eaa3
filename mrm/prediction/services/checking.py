"""Read the files of archived days again and compare their digests."""

import datetime as dt
from collections.abc import Iterable

from django.utils import timezone

from mrm.core import blobs
from mrm.core.refusal import Refused
from mrm.prediction import queries
from mrm.prediction.models import AlertKind, Archive
from mrm.prediction.services.alerts import LOG, raise_alert


def check_archives(files: Iterable[Archive] | None = None) -> list[tuple[Archive, str]]:
    """Those that are not what was recorded, each with the sentence; the first raises an alert."""
    changed = []
    for file in queries.archives() if files is None else files:
        try:
            blobs.fetch(file.sha256).unlink()
        except Refused as refusal:
            changed.append((file, str(refusal)))
    if changed:
        file, sentence = changed[0]
        raise_alert(AlertKind.ARCHIVE, sentence=f"The archived {file} cannot be relied on. {sentence}", actor=LOG)
    return changed


def check_a_share() -> list[tuple[Archive, str]]:
    """Every night a seventh of the files, so that each is read once a week."""
    tonight = timezone.now().date()
    return check_archives(
        each for each in queries.archives() if (each.day - tonight) % dt.timedelta(days=7) == dt.timedelta()
    )
