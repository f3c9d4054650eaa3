"""What a revision wanted to answer."""

from collections.abc import Iterable
from uuid import UUID

from mrm.deployment.models import Revision
from mrm.prediction.policies import Approved


def revisions_by_number(numbers: Iterable[tuple[UUID, int]]) -> dict[tuple[UUID, int], Revision]:
    """The revisions by endpoint and number, those that are there, with what the page says of each."""
    asked = set(numbers)
    numbered = Revision.objects.filter(
        deployment__in={key for key, _ in asked}, number__in={number for _, number in asked}
    )
    found = numbered.prefetch_related("variants__version").select_related(
        "deployment__model__unit", "deployment__target__environment", "version__model", "approval__request__policy",
        "requested_by__person",
    )  # fmt: skip
    return {(each.deployment_id, each.number): each for each in found if (each.deployment_id, each.number) in asked}


def approved_of(revision: Revision | None) -> list[Approved]:
    """Every version that the revision wants to answer, with its bytes and the approval they rest on."""
    if revision is None:
        return []
    return [
        Approved(each.version.label, each.artifact_sha256, str(each.approval_id)) for each in revision.variants.all()
    ]
