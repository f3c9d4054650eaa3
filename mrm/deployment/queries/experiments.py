"""Experiments at an endpoint, what they have shown, and what they hold up."""

from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.deployment import policies
from mrm.deployment.models import LIVE, Deployment, Experiment, Reading, ReadingKind, Variant
from mrm.deployment.queries.deployments import current, visible_to


def experiments_visible_to(account: Account) -> QuerySet[Experiment]:
    found = Experiment.objects.filter(deployment__in=visible_to(account))
    return found.select_related(
        "deployment__model__unit", "deployment__target__environment", "revision", "registered_by__person",
        "ending__ended_by__person",
    ).prefetch_related("arms__version", "readings__read_by__person")  # fmt: skip


def running_experiment(deployment: Deployment) -> int | None:
    """The number of the experiment that is under way at the endpoint."""
    return deployment.experiments.filter(ending=None).values_list("number", flat=True).first()


def compared(deployment: Deployment) -> list[Variant]:
    """What answers at the endpoint and may be compared: the champion first."""
    in_force = current(deployment)
    live = [each for each in in_force.variants.all() if each.role in LIVE] if in_force else []
    return sorted(live, key=lambda each: (each.role != "champion", each.version.label))


def last_look(experiment: Experiment) -> Reading | None:
    """The planned look that was taken last."""
    return experiment.readings.filter(kind=ReadingKind.LOOK).order_by("-look").first()


def stopped_for_harm(experiment: Experiment) -> bool:
    return experiment.readings.filter(stops=True).exists()


def is_over(experiment: Experiment) -> bool:
    return hasattr(experiment, "ending")


def why_no_reading(experiment: Experiment) -> str | None:
    """Why nothing is read of it now, whatever the table, or None."""
    in_force = current(experiment.deployment)
    return policies.ended(str(experiment), is_over(experiment)) or policies.traffic_changed(
        experiment.revision.number, in_force.number if in_force else None
    )


def why_no_promotion(experiment: Experiment, label: str) -> str | None:
    """Why a version is not promoted on what this experiment showed, or None."""
    look = last_look(experiment)
    return policies.not_shown(look.results if look else [], label, stopped_for_harm(experiment))
