"""What went wrong at serving places, and what was tried there."""

from collections.abc import Iterable

from django.db.models import Case, IntegerField, QuerySet, Value, When

from mrm.access.models import Account
from mrm.deployment.models import Deployment, Incident, Operation, Revision
from mrm.deployment.policies import Severity
from mrm.deployment.workflow import IncidentState, OperationState
from mrm.inventory.queries import models_visible_to

_WEIGHT = [When(severity=severity, then=Value(place)) for place, severity in enumerate(Severity)]


def incidents_visible_to(account: Account) -> QuerySet[Incident]:
    """Incidents at the deployments that the account sees: open ones first, the gravest first."""
    found = Incident.objects.filter(deployment__model__in=models_visible_to(account)).select_related(
        "deployment__model__unit", "deployment__target__environment", "revision__version__model", "explained_by__person",
        "revision__requested_by__person", "closed_by__person",
    )  # fmt: skip
    order = Case(*_WEIGHT, default=Value(9), output_field=IntegerField())
    return found.order_by("-status", order, "-opened_at")


def open_incidents(deployment: Deployment) -> QuerySet[Incident]:
    return deployment.incidents.filter(status=IncidentState.OPEN)


def operations(revisions: Iterable[Revision]) -> QuerySet[Operation]:
    """What was tried to bring the revisions about, newest first."""
    return Operation.objects.filter(revision__in=list(revisions)).select_related("revision")


def unanswered(revision: Revision) -> Operation | None:
    """An attempt of which nobody wrote down how it ended: its worker died."""
    return revision.operations.filter(status=OperationState.SENT).first()


def interruption(revision: Revision) -> str | None:
    """What came between while a revision was brought about: of an attempt nobody was told how it went."""
    lost = revision.operations.filter(purpose="apply", status=OperationState.UNKNOWN).order_by("sent_at").first()
    if lost is None:
        return None
    return f"Revision {revision.number} was interrupted at attempt {lost.attempt}, and is in force. {lost.message}"
