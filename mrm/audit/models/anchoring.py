"""How the attempts to anchor go: a note for people, beside the tokens, which are the evidence."""

from django.db import models

from mrm.audit.models.log import Anchor


class AnchorState(models.Model):
    """The last attempt at a place. In the database, so that a page on another machine shows it; written over each time."""

    name = models.CharField(max_length=80, primary_key=True)
    kind = models.CharField(max_length=20)
    address = models.CharField(max_length=300)
    tried_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True)
    alarm = models.BooleanField(default=False)
    doubted = models.ForeignKey(Anchor, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
