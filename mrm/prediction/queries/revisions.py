"""What a revision wanted to answer."""

from collections.abc import Iterable
from uuid import UUID

from mrm.deployment.models import Revision, Variant
from mrm.deployment.queries import VARIANTS
from mrm.prediction.policies import Approved


def revisions_by_number(numbers: Iterable[tuple[UUID, int]]) -> dict[tuple[UUID, int], Revision]:
    """The revisions by endpoint and number, those that are there, with what the page says of each."""
    asked = set(numbers)
    found = (
        Revision.objects.filter(deployment__in={key for key, _ in asked}, number__in={number for _, number in asked})
        .select_related("deployment__model__unit", "deployment__target__environment", "requested_by__person")
        .prefetch_related(VARIANTS)
    )
    return {(each.deployment_id, each.number): each for each in found if (each.deployment_id, each.number) in asked}


def approved_of(revision: Revision | None) -> list[Approved]:
    """Every version that the revision wants to answer, with its bytes and the approval they rest on."""
    variants = revision.variants.all() if revision else []
    return [Approved(each.version.label, each.artifact_sha256, str(each.approval_id)) for each in variants]


def variant_of(revision: Revision | None, label: str) -> Variant | None:
    """What the revision wants of the version so labelled."""
    variants = revision.variants.all() if revision else []
    return next((each for each in variants if each.version.label == label), None)
