from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.access.queries import unit_ids_for
from mrm.deployment.models import Deployment, Revision, Target
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Version
from mrm.inventory.queries import models_visible_to


def visible_to(account: Account) -> QuerySet[Deployment]:
    return Deployment.objects.filter(model__in=models_visible_to(account)).select_related(
        "model__unit", "model__owner", "target"
    )


def targets_visible_to(account: Account) -> QuerySet[Target]:
    """Serving places of the account's units and of the units above them are of use to it."""
    return Target.objects.filter(unit__in=unit_ids_for(account, "view")).select_related("unit")


def current(deployment: Deployment) -> Revision | None:
    """The revision that was applied and verified last."""
    return (
        deployment.revisions.filter(status=RevisionState.APPLIED)
        .select_related("version__model", "approval", "requested_by__person")
        .first()
    )


def verified_numbers(deployment: Deployment) -> list[int]:
    """Revisions that ran here and were verified: what a rollback may go to."""
    return list(
        deployment.revisions.exclude(verification={}).exclude(version=None).values_list("number", flat=True)
    )


def live_revisions(version: Version) -> QuerySet[Revision]:
    return Revision.objects.filter(version=version, status=RevisionState.APPLIED).select_related("deployment__target")
