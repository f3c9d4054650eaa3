"""Work of which there may be one at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from mrm.jobs.kinds import Later

AGAIN_IN_S = 2.0


@contextmanager
def alone(what: str) -> Iterator[None]:
    """One worker at a time at this, by a lock that dies with the connection; the others come again later."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 1))", [what])
        if not cursor.fetchone()[0]:
            raise Later("Another worker is busy at this place.", AGAIN_IN_S)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 1))", [what])
