from django.db.models import FilteredRelation, Q, QuerySet

from mrm.access.models import Account
from mrm.access.queries import unit_ids_for
from mrm.approval import queries as approval
from mrm.approval.policies import Where
from mrm.audit.queries import places
from mrm.deployment.models import Deployment, Environment, Revision, Target, Variant, VariantRole
from mrm.deployment.policies import Drift, Kind
from mrm.deployment.workflow import RevisionState
from mrm.inventory.models import Model, Version
from mrm.inventory.queries import models_visible_to


def visible_to(account: Account) -> QuerySet[Deployment]:
    return Deployment.objects.filter(model__in=models_visible_to(account)).select_related(
        "model__unit", "model__owner", "target__environment", "look"
    )


def targets_visible_to(account: Account) -> QuerySet[Target]:
    """Serving places of the account's units and of the units above them are of use to it."""
    return Target.objects.filter(unit__in=unit_ids_for(account, "view")).select_related("unit", "environment")


def current(deployment: Deployment) -> Revision | None:
    """The revision that was applied and verified last."""
    return (
        deployment.revisions.filter(status=RevisionState.APPLIED)
        .select_related("version__model", "approval", "requested_by__person", "canary")
        .prefetch_related("variants__version__model__unit")
        .first()
    )


def where_in(environment: Environment, role: str = "") -> Where:
    """An environment as an approval is asked about it."""
    return Where(environment.key, environment.name, environment.stage, role == VariantRole.SHADOW)


def where(deployment: Deployment, role: str = "") -> Where:
    """The environment of an endpoint as an approval is asked about it."""
    return where_in(deployment.target.environment, role)


def why_not_served(deployment: Deployment, version: Version, sha256: str, role: str = "") -> str | None:
    """Why the version may not serve at this endpoint with these bytes now, in this role, or None."""
    return approval.why_not_usable(version, sha256, where(deployment, role))


MUST_GO = "Must be withdrawn: "  # how the sentence about an approval that does not hold begins


def must_withdraw(revision: Revision) -> Drift | None:
    """Why what is wanted there may run no longer, or None: a version that must go is one in whichever role it serves."""
    found = {
        each.version.label: reason
        for each in revision.variants.all()
        if (reason := why_not_served(revision.deployment, each.version, each.artifact_sha256, each.role))
    }
    if not found:
        return None
    return Drift(Kind.WITHDRAWN, f"{MUST_GO}{' '.join(found.values())}", next(iter(found)))


def verified_numbers(deployment: Deployment) -> list[int]:
    """Revisions that ran here and were verified: what a rollback may go to."""
    return list(deployment.revisions.exclude(verification={}).exclude(version=None).values_list("number", flat=True))


def earlier(deployment: Deployment, than: Revision, label: str = "") -> list[Revision]:
    """Revisions verified here before another one, newest first, without the bytes at fault: where a fail-over may go.

    At fault is the version of this label; where none is named, everything that was wanted.
    """
    fault = [each.artifact_sha256 for each in than.variants.all() if label in ("", each.version.label)]
    found = deployment.revisions.exclude(verification={}).exclude(version=None).filter(number__lt=than.number)
    without = found.exclude(pk__in=Variant.objects.filter(artifact_sha256__in=fault).values("revision"))
    return list(without.prefetch_related("variants__version__model__unit"))


def went_back_from(revision: Revision) -> bool:
    """Whether somebody, or a fail-over, tried to go back in an emergency since this came into force."""
    return revision.deployment.revisions.filter(emergency=True, number__gt=revision.number).exists()


def verified_as(revision: Revision) -> Revision:
    """The revision whose verification stands for what is sent now: the one that a rollback restores, else itself."""
    if revision.restores is None or revision.verification:
        return revision
    restored = revision.deployment.revisions.prefetch_related("variants__version__artifact")
    return restored.get(number=revision.restores)


def revisions_visible_to(account: Account) -> QuerySet[Revision]:
    return Revision.objects.filter(deployment__in=visible_to(account))


def with_wanted(deployments: QuerySet[Deployment]) -> QuerySet[Deployment]:
    """The deployments with the revision in force as `wanted`, which may be none, in one query."""
    in_force = FilteredRelation("revisions", condition=Q(revisions__status=RevisionState.APPLIED))
    named = deployments.annotate(wanted=in_force)
    return named.select_related("wanted__version__model", "wanted__approval")  # type: ignore[misc]


def revisions(deployment: Deployment) -> list[Revision]:
    """All revisions of an endpoint, newest first."""
    found = deployment.revisions.select_related("version__model", "approval__request", "requested_by__person")
    found = found.prefetch_related("variants__version__model")
    listed = list(found)
    standing = places(listed, "deployment.verify")
    for revision in listed:
        revision.place = standing.get(str(revision.pk))
    return listed


def candidates(deployment: Deployment) -> QuerySet[Version]:
    """Versions of the model that have an artifact."""
    return (
        Version.objects.filter(model=deployment.model)
        .exclude(artifact=None)
        .exclude(status="retired")
        .select_related("model", "artifact")
    )


def environment_names() -> dict[str, str]:
    """Each environment by its key, as an approval may name it."""
    return dict(Environment.objects.order_by("key").values_list("key", "name"))


def targets_for(account: Account, model: Model) -> QuerySet[Target]:
    """Serving places of the model's unit or of a unit above it."""
    above = [model.unit.path[: place + 1] for place, sign in enumerate(model.unit.path) if sign == "/"]
    return targets_visible_to(account).filter(unit__path__in=above)
