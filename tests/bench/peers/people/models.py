"""The table of our business unit, with the peer's way to keep what changed."""

import os
import uuid

from django.db import models

KIND = os.environ["PEER"]


class Unit(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.SlugField(unique=True)
    name = models.CharField(max_length=120)
    parent = models.ForeignKey("self", models.PROTECT, null=True)
    path = models.CharField(max_length=500, unique=True)

    if KIND == "django-simple-history":
        from simple_history.models import HistoricalRecords

        history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name


if KIND == "django-auditlog":
    from auditlog.registry import auditlog

    auditlog.register(Unit)
elif KIND == "django-pghistory":
    import pghistory

    Unit = pghistory.track()(Unit)
