from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to
from mrm.validation.models import Finding, Validation
from mrm.validation.workflow import OPEN_STATES, ValidationState


def visible_to(account: Account) -> QuerySet[Validation]:
    return Validation.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit", "version__model__owner", "version__developer", "validator", "requested_by"
    )


def findings_visible_to(account: Account) -> QuerySet[Finding]:
    return Finding.objects.filter(validation__version__in=versions_visible_to(account)).select_related(
        "validation__version__model__unit", "validation__version__model__owner", "owner", "raised_by", "verified_by"
    )


def open_findings(version: Version) -> QuerySet[Finding]:
    """Findings on any version of the model that are not closed: a new version does not wash them off."""
    return Finding.objects.filter(
        validation__version__model=version.model, status__in=OPEN_STATES
    ).select_related("owner", "validation__version__model")


def concluded(version: Version) -> Validation | None:
    """The last concluded validation of exactly the artifact the version has now."""
    return (
        Validation.objects.filter(
            version=version, status=ValidationState.CONCLUDED, artifact_sha256=version.artifact_id or ""
        )
        .select_related("validator")
        .order_by("-concluded_at")
        .first()
    )
