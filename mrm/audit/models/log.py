"""The Merkle log over the events: their order, the hashes of the tree, and the signed states of it.

Only the sequencer writes here; every row but the waiting ones is written once.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import models

from mrm.audit.models.trail import Event


class Pending(models.Model):
    """An event that has no place in the log yet. A trigger puts it here, so that none is overlooked."""

    position = models.BigIntegerField(primary_key=True)
    event = models.ForeignKey(Event, models.PROTECT, db_constraint=False, db_index=False, related_name="+")

    def __str__(self) -> str:
        return str(self.event_id)


class Leaf(models.Model):
    """The place of an event in the log, counted from 0 without gaps, and the leaf hash of RFC 6962."""

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, models.PROTECT, related_name="leaf", db_constraint=False)
    hash = models.BinaryField()

    class Meta:
        ordering = ["index"]
        constraints = [models.CheckConstraint(condition=models.Q(index__gte=0), name="leaf_index")]

    def __str__(self) -> str:
        return f"leaf {self.index}"


@dataclass(frozen=True)
class Place:
    """An event and its index in the log; None while it waits for one."""

    event: UUID
    index: int | None


class Subtree(models.Model):
    """The root of a complete subtree of 256**level leaves, from level 1: what the tiles above the leaves hold."""

    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["level", "index"], name="subtree_place")]

    def __str__(self) -> str:
        return f"subtree {self.level}/{self.index}"


class Checkpoint(models.Model):
    """A signed state of the log: its size, its root, and the note that says so."""

    epoch = models.PositiveIntegerField()
    size = models.BigIntegerField()
    root = models.CharField(max_length=64)
    note = models.TextField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-epoch", "-size"]
        constraints = [models.UniqueConstraint(fields=["epoch", "size"], name="checkpoint_once")]

    def __str__(self) -> str:
        return f"checkpoint of size {self.size}"


class LogKey(models.Model):
    """The public half of a key that signed the log, from its first checkpoint on."""

    vkey = models.CharField(max_length=300, unique=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return self.vkey


class Anchor(models.Model):
    """What somebody outside gave us for a checkpoint, so that it cannot be taken back."""

    checkpoint = models.ForeignKey(Checkpoint, models.PROTECT, related_name="anchors")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20)
    token = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["checkpoint", "name"], name="anchor_once")]

    def __str__(self) -> str:
        return f"{self.name} up to {self.checkpoint.size}"
