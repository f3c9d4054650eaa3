"""The keys under which persons' values are sealed, and the sealed values behind the trail's commitments."""

from django.db import models

from mrm.audit.models.trail import Governed


class PersonalKey(Governed):
    """The key of one natural person, made by the database at his first value. Erasure ends it, once and for all."""

    person = models.CharField(max_length=40, primary_key=True)
    key = models.BinaryField(null=True)
    made_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(key=None, erased_at__isnull=False) | models.Q(key__isnull=False, erased_at=None),
                name="personal_key_ended_when",
            ),
        ]

    def __str__(self) -> str:
        return f"personal data {self.person[:8]}"


class Disclosure(models.Model):
    """What a commitment in the trail stands for, readable while the person's key exists. Written once."""

    commitment = models.CharField(max_length=80, primary_key=True)
    person = models.CharField(max_length=40, db_index=True)
    sealed = models.BinaryField()

    def __str__(self) -> str:
        return self.commitment
