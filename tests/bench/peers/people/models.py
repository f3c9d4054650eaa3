"""The table of our person, with the peer's way to keep what changed."""

import os
import uuid

from django.db import models

KIND = os.environ["PEER"]


class Unit(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True)
    unit = models.ForeignKey(Unit, models.PROTECT)

    if KIND == "django-simple-history":
        from simple_history.models import HistoricalRecords

        history = HistoricalRecords()

    def __str__(self) -> str:
        return self.name


if KIND == "django-auditlog":
    from auditlog.registry import auditlog

    auditlog.register(Person)
elif KIND == "django-pghistory":
    import pghistory

    Person = pghistory.track()(Person)
