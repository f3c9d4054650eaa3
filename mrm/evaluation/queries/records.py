from typing import Any

from django.db.models import F, Q, QuerySet

from mrm.access.models import Account
from mrm.evaluation.models import Comparison, ExecutionPermission, Run
from mrm.evaluation.policies import why_not_permit, why_not_suite
from mrm.evaluation.workflow import PERMISSION, PermissionState, RunState
from mrm.inventory.models import Artifact, ArtifactKind, Dataset, DatasetRole, Pack, PackKind, Version
from mrm.inventory.policies import why_not_reasons
from mrm.inventory.queries import packs, versions_visible_to

KEYS = {"row_id"}
# opened in the confined process without being permitted one by one
RUNNABLE = {ArtifactKind.ONNX, ArtifactKind.SKOPS, ArtifactKind.XGBOOST, ArtifactKind.LIGHTGBM}
# scored through an endpoint, a run tells of the model that answers there, and of no other
OF_PRESENT_ENDPOINT = Q(endpoint={}) | Q(endpoint=F("version__scoring_endpoint"))
# what a run is made on first: data the model was not trained on
_ORDER = (DatasetRole.OUT_OF_TIME, DatasetRole.TEST, DatasetRole.TRAINING)


def visible_to(account: Account) -> QuerySet[Run]:
    return Run.objects.filter(version__in=versions_visible_to(account)).select_related(
        "version__model__unit",
        "version__artifact",
        "dataset",
        "protected",
        "reference",
        "suite",
        "reasons",
        "requested_by__person",
    )


def runs_of(version: Version) -> QuerySet[Run]:
    """The runs of one version, newest first."""
    return version.runs.select_related("version__model__unit", "dataset", "requested_by__person")


def evidence() -> QuerySet[Run]:
    """Completed runs under the house's own suites: who may choose the suite may not thereby choose the limits.

    A suite of a regime is run beside, and sets fewer limits; it takes no other's place where somebody approves.
    """
    return Run.objects.filter(OF_PRESENT_ENDPOINT, status=RunState.DONE, suite__content__applies__regime__isnull=True)


def completed(version: Version, kind: str) -> Run | None:
    """The latest evidence of a kind on exactly the artifact the version has now."""
    runs = evidence().filter(version=version, kinds__contains=[kind])
    if version.artifact_id:
        runs = runs.filter(artifact_sha256=version.artifact_id)
    return runs.order_by("-finished_at").first()


def suites_for(version: Version) -> list[Pack]:
    """The suites in force that fit the version's model: of no regime first, then of the regimes it is in the scope of."""
    model = version.model
    fitting = [
        suite
        for suite in packs(PackKind.TEST_SUITE).filter(current=True).order_by("key")
        if why_not_suite(suite.content, tier=model.tier, regimes=model.regimes, model_kind=version.model_kind) is None
    ]
    return sorted(fitting, key=lambda suite: "regime" in suite.content.get("applies", {}))


def dictionaries_for(version: Version) -> list[Pack]:
    """The dictionaries of reason codes in force that leave none of the version's features without words."""
    inforce = packs(PackKind.REASON_CODES).filter(current=True).order_by("key")
    return [each for each in inforce if why_not_reasons(each.content, version.features) is None]


def dataset_choices(version: Version) -> list[tuple[Dataset, str]]:
    """Data sets linked to the version that a run may be made on, with their part; held-out data first."""
    links = version.datasets.filter(role__in=_ORDER, dataset__holds_protected=False).select_related("dataset")
    ranked = sorted(links, key=lambda link: (_ORDER.index(DatasetRole(link.role)), -link.dataset.number))
    return [(link.dataset, link.get_role_display()) for link in ranked]


def comparisons_visible_to(account: Account) -> QuerySet[Comparison]:
    found = Comparison.objects.filter(champion__in=versions_visible_to(account))
    return found.select_related("champion__model__unit", "dataset", "protected", "reference", "requested_by__person")


def challengers_of(version: Version) -> list[Version]:
    """The other versions of the model whose bytes can be run here, newest first."""
    others = version.model.versions.exclude(pk=version.pk).exclude(artifact=None).select_related("artifact", "model")
    return [other for other in others if not why_not_run_here(other.artifact)]


def permission_of(version: Version) -> ExecutionPermission | None:
    """The latest permission to run the pickle that a version has, whatever its state."""
    if version.artifact_id is None:
        return None
    found = ExecutionPermission.objects.filter(artifact=version.artifact_id)
    return found.select_related("asked_by__person", "ended_by__person", "version__model__unit", "artifact").first()


def pickle_facts(version: Version, account: Account) -> dict[str, Any]:
    """What the version's page says of running its pickle: the permission, and which step is open to whom."""
    found = permission_of(version)
    in_force = found is not None and found.status in (PermissionState.SCANNING, PermissionState.GRANTED)
    withdrawal = (
        next(iter(PERMISSION.offered(found, account)), None)
        if found and found.status == PermissionState.GRANTED
        else None
    )
    return {
        "permission": found,
        "in_force": in_force,
        "closed": account.lacks("evaluation.permit", version) or why_not_permit(version, account) or "",
        "withdrawal": withdrawal,
    }


def permissions_visible_to(account: Account) -> QuerySet[ExecutionPermission]:
    found = ExecutionPermission.objects.filter(version__in=versions_visible_to(account))
    return found.select_related("version__model__unit", "artifact", "asked_by__person")


def why_not_run_here(artifact: Artifact | None) -> str:
    """Why an artifact is not opened in the confined process; empty if it is."""
    if artifact is None or artifact.kind in RUNNABLE:
        return ""
    if artifact.kind != ArtifactKind.PICKLE:
        return f"A {artifact.get_kind_display()} artifact is not run here"
    granted = artifact.execution_permissions.filter(status=PermissionState.GRANTED)
    return "" if granted.exists() else "A pickle is not run here before somebody permits it on the version's page"


def protected_columns(version: Version) -> list[dict[str, Any]]:
    """The protected attributes linked to the version, as the manifest describes them; never their rows."""
    link = version.datasets.filter(role=DatasetRole.PROTECTED).select_related("dataset").last()
    if link is None:
        return []
    return [column for column in link.dataset.manifest.get("columns", []) if column["name"] not in KEYS]
