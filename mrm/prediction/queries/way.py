"""Who would score a data set now, and why: a place that serves the version, or a worker."""

from dataclasses import dataclass

from django.conf import settings

from mrm.access.models import Account
from mrm.connectors.protocol import Cap
from mrm.connectors.registry import declaring, why_no_batch
from mrm.deployment import queries as deployment
from mrm.deployment.models import Deployment, Environment, Revision, Sync
from mrm.deployment.queries import environments_visible_to
from mrm.inventory.models import Dataset, ModelKind, Version
from mrm.prediction import policies
from mrm.prediction.models import BatchRun
from mrm.prediction.policies import Serves
from mrm.prediction.workflow import Way

RANGES = {ModelKind.CLASSIFICATION: (0.0, 1.0)}  # a chance; an amount has no bounds of its own


@dataclass(frozen=True)
class Route:
    """Which way a run goes and why; with the revision in force at the place that would score."""

    way: Way
    because: str
    revision: Revision | None = None


def routes(version: Version, account: Account) -> list[tuple[str, str]]:
    """Each environment open to the account, with who would score numbers there now, and why."""
    found = environments_visible_to(account)
    return [(each.name, route(version, None, each).because) for each in found]


def route(version: Version, dataset: Dataset | None, environment: Environment) -> Route:
    """The place in this environment that serves these bytes and takes whole data sets, else a worker with the reason."""
    reasons, kind = [], version.artifact.kind if version.artifact else ""
    for each in _places(version, environment):
        in_force = deployment.current(each)
        there = _serves(each, in_force)
        refusal = (
            policies.not_taken_there(
                there, why_no_batch(each.target.connector, each.target.config, kind, settings.CONNECTORS)
            )
            or policies.not_scored_there(there, version.label, version.artifact_id or "")
            or policies.not_numbers(_types(version, dataset) if dataset else ())
        )
        if refusal is None:
            return Route(Way.BACKEND, policies.why_the_place(there), in_force)
        reasons.append(refusal)
    return Route(Way.WORKER, policies.why_a_worker(environment.name, reasons))


def why_not_sent(run: BatchRun) -> str | None:
    """Why the place that the run is pinned to does not score it now, or None: what is in force there may have changed."""
    assert run.revision is not None
    there = run.revision.deployment
    in_force = deployment.current(there)
    if in_force is None or in_force.pk != run.revision_id:
        return f"Revision {run.revision.number} is no longer the one in force at {there}, and the run is pinned to it."
    return policies.not_scored_there(_serves(there, in_force), run.version.label, run.artifact_sha256)


def range_of(version: Version) -> tuple[float | None, float | None]:
    """Between which values the scores of its kind of model lie."""
    return RANGES.get(ModelKind(version.model_kind), (None, None))


def _places(version: Version, environment: Environment) -> list[Deployment]:
    found = Deployment.objects.filter(
        model=version.model_id,
        target__environment=environment,
        target__connector__in=declaring(Cap.BATCH, settings.CONNECTORS),
    )
    return list(found.select_related("target").order_by("target__name", "endpoint"))


def _serves(there: Deployment, in_force: Revision | None) -> Serves:
    version = in_force.version if in_force else None
    label, digest = (version.label, in_force.artifact_sha256) if version and in_force else ("", "")
    return Serves(there.endpoint, there.target.name, label, digest, there.sync == Sync.IN_SYNC)


def _types(version: Version, dataset: Dataset) -> list[tuple[str, str]]:
    types = {each["name"]: each["type"] for each in dataset.manifest.get("columns", [])}
    return [(name, types.get(name, "missing")) for name in version.features]
