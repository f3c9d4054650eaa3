from django.db.models import QuerySet

from mrm.access.models import Account
from mrm.evaluation.models import Run
from mrm.evaluation.workflow import RunState
from mrm.inventory.models import Version
from mrm.inventory.queries import versions_visible_to


def visible_to(account: Account) -> QuerySet[Run]:
    return Run.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit", "dataset", "protected", "suite", "requested_by__person"
    )


def completed(version: Version, kind: str) -> Run | None:
    """The latest completed run of a kind on exactly the artifact the version has now."""
    runs = Run.objects.filter(version=version, status=RunState.DONE, kinds__contains=[kind])
    if version.artifact_id:
        runs = runs.filter(artifact_sha256=version.artifact_id)
    return runs.order_by("-finished_at").first()
