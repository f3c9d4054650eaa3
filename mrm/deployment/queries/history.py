"""Which versions ran where, from when to when: read from the revisions and from when each was verified."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from mrm.access.models import Account
from mrm.deployment.models import Deployment, Revision, RevisionKind
from mrm.deployment.queries.traffic import VARIANTS, in_words, shares_of
from mrm.inventory.models import Model
from mrm.inventory.queries import models_visible_to


@dataclass(frozen=True)
class Period:
    """A revision from the moment it was verified until another was, or until now."""

    revision: Revision
    start: dt.datetime
    end: dt.datetime | None

    @property
    def words(self) -> str:
        """The versions, shortly: 1.0.0, or 1.0.0 90 % + 2.0.0 10 %."""
        variants = list(self.revision.variants.all())
        if len(variants) == 1:
            return str(variants[0].version.label)
        return " + ".join(f"{each.version.label} {each.share}" for each in variants)

    @property
    def plan(self) -> str:
        """The same in full."""
        return in_words(shares_of(self.revision))


def ran(deployment: Deployment) -> list[Period]:
    """What ran at one endpoint, newest first."""
    return _periods(deployment.revisions.all())


def ran_of_model(model: Model, account: Account) -> list[Period]:
    """What of a model ran anywhere, place by place, newest first."""
    seen = models_visible_to(account).filter(pk=model.pk)
    found = Revision.objects.filter(deployment__model__in=seen)
    return _periods(found.order_by("deployment__target__name", "deployment__endpoint", "-number"))


def _periods(revisions: Iterable[Revision]) -> list[Period]:
    found: list[Period] = []
    told = revisions.exclude(verification={}).exclude(settled_at=None).prefetch_related(VARIANTS)  # type: ignore[attr-defined]
    after: Revision | None = None
    for revision in told.select_related("deployment__target", "requested_by__person"):
        same = after is not None and after.deployment_id == revision.deployment_id
        if revision.kind != RevisionKind.STOP:
            found.append(Period(revision, revision.settled_at, after.settled_at if same and after else None))
        after = revision
    return found
