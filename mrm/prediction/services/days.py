"""The days of the log in the database: made before their first row comes."""

import datetime as dt
from collections.abc import Iterable

from django.db import connection, transaction
from django.utils import timezone

AHEAD = 3  # so many days are ready before they begin
WAIT = "SET LOCAL lock_timeout = '20s'"  # whoever reads longer than this is not waited for; the files stay


def make_days(days: Iterable[dt.date]) -> int:
    """Make the places of the days that have none; how many were made."""
    made = 0
    for day in sorted(set(days)):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(WAIT)
            cursor.execute("SELECT prediction_make_day(%s)", [day])
            made += bool(cursor.fetchone()[0])
    return made


def make_ready() -> int:
    """Make today and the days that come next."""
    today = timezone.now().date()
    return make_days(today + dt.timedelta(days=ahead) for ahead in range(AHEAD + 1))
