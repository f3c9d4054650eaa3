"""Which days of the log are in the database, and which are in the archive."""

import datetime as dt

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from mrm.prediction.models import Archive, Prediction


def days_kept() -> list[dt.date]:
    """The days that have their place in the database, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT prediction_days()")
        return [day for (day,) in cursor.fetchall()]


def days_due() -> list[dt.date]:
    """Full days that are older than the log keeps them in the database."""
    oldest = timezone.now().date() - dt.timedelta(days=settings.PREDICTION_ARCHIVE_DAYS)
    return [day for day in days_kept() if day < oldest]


def of_day(day: dt.date) -> QuerySet[Prediction]:
    """The rows of a day, in UTC."""
    begins = dt.datetime.combine(day, dt.time(), dt.UTC)
    return Prediction.objects.filter(at__gte=begins, at__lt=begins + dt.timedelta(days=1))


def archives() -> QuerySet[Archive]:
    """Days that left the database, the newest first."""
    return Archive.objects.filter(dropped_at__isnull=False)
