"""What the ground under us can do: the database goes away, a disk is full. Told in words, with a status."""

import errno
from dataclasses import dataclass

from django.db import OperationalError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DISK_FULL = "53100"  # PostgreSQL's own code for it


@dataclass(frozen=True)
class Outage:
    status: int
    sentence: str


SILENT = Outage(503, "The database does not answer. Nothing was lost; try again in a moment.")
FULL = Outage(507, "The disk is full, so nothing was recorded. Tell your administrator; try again when there is room.")


def outage(error: BaseException | None) -> Outage | None:
    """Which outage an exception tells of, or None when it is a fault of ours."""
    if isinstance(error, OperationalError):
        return FULL if getattr(error.__cause__, "sqlstate", None) == DISK_FULL else SILENT
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return FULL
    return None
